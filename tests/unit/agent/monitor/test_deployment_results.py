"""When the agent looks at what deployments did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nuwa.agent.host.deployment import Deployment
from nuwa.agent.monitor.deployment_results import DeploymentResults
from nuwa.agent.monitor.results import Finding
from nuwa.agent.paths import Paths

LINES = ("started by ada", "starting nuwa-shop-green.service", "shop is at release 4be1d02a9c77 (shop:2)")
LONG_S = 3600


@asynccontextmanager
async def looking(root: Path, names: list[str]) -> AsyncIterator[tuple[DeploymentResults, list[Finding]]]:
    """One that looks once an hour, and what it reports."""
    settings = SimpleNamespace(interval=LONG_S)
    host: Any = SimpleNamespace(
        paths=Paths(root),
        loaded=SimpleNamespace(config=SimpleNamespace(monitor=settings)),
        services=lambda: [
            SimpleNamespace(name=name, deployment=Deployment(root / name, name)) for name in names
        ],
    )
    Paths(root).state.mkdir(parents=True)
    reported: list[Finding] = []
    results = DeploymentResults(host, reported.append)
    task = asyncio.create_task(results.run())
    try:
        yield results, reported
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def deploy(root: Path, name: str) -> None:
    log = root / name / "volumes/.nuwa/nuwa.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write("".join(f"2026-11-28T10:00:00Z bin/deploy[7]: {line}\n" for line in LINES))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def places(root: Path) -> str:
    file = Paths(root).state / "script_results.json"
    return file.read_text() if file.exists() else ""


def test_a_deploy_right_after_its_deployment_was_configured_is_told(tmp_path: Path) -> None:
    """No interval passes before the agent knows the new deployment."""
    names: list[str] = []

    async def work() -> None:
        async with looking(tmp_path, names) as (results, reported):
            await asyncio.sleep(0)
            deploy(tmp_path, "shop")
            names.append("shop")
            results.stir()
            await until(lambda: "shop" in places(tmp_path))
            assert reported == [], "what was before is not told"
            deploy(tmp_path, "shop")
            results.stir()
            await until(lambda: reported)
            assert reported[0].message == "release 4be1d02a9c77 (shop:2) serves, deployed by ada"

    asyncio.run(work())


def test_one_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    async def work() -> None:
        async with looking(tmp_path, ["odd", "shop"]) as (results, reported):
            await until(lambda: "shop" in places(tmp_path))
            (tmp_path / "odd/volumes/.nuwa/nuwa.log").mkdir(parents=True)
            deploy(tmp_path, "shop")
            results.stir()
            await until(lambda: reported)
            assert [finding.service for finding in reported] == ["shop"]

    asyncio.run(work())


def test_services_that_cannot_be_read_do_not_end_the_looking(tmp_path: Path) -> None:
    """It is one of the agent's tasks, all of which end with the first that fails."""

    async def work() -> None:
        async with looking(tmp_path, ["shop"]) as (results, reported):
            await until(lambda: "shop" in places(tmp_path))
            host: Any = results._host
            readable, asked = host.services, asyncio.Event()

            def unreadable() -> list[Any]:
                asked.set()
                raise ValueError("nonsense")

            host.services = unreadable
            results.stir()
            await asked.wait()
            host.services = readable
            deploy(tmp_path, "shop")
            results.stir()
            await until(lambda: reported)

    asyncio.run(work())
