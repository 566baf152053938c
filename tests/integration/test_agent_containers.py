"""Containers as the agent sees them through podman-py, with a real podman."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nuwa.agent.containers import watch
from nuwa.agent.containers.state import Container
from nuwa.agent.containers.watch import Containers
from nuwa.engine import Engine

NAME, OTHER = "nuwa-seen-blue", "not-of-nuwa"


@pytest.fixture
def podman(
    engine: Engine, runtime_image: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A container of nuwa's that sleeps, and one of somebody else."""
    for name, value in engine.env.items():
        monkeypatch.setenv(name, value)
    options = ["--name", NAME, "--detach", "--health-interval", "disable", "--health-retries", "1"]
    options += ["--health-cmd", "test -e /tmp/well", "--health-start-period", "0s", "--entrypoint", "sleep"]
    engine.podman("rm", "--force", "--time", "0", "--ignore", NAME, OTHER)
    engine.podman("run", *options, runtime_image("gunicorn"), "1000")
    engine.podman("create", "--name", OTHER, "--label", "io.nuwa.other=1", "--rootfs", "/", "/bin/true")
    yield engine
    engine.podman("rm", "--force", "--time", "0", "--ignore", NAME, OTHER)


@asynccontextmanager
async def following(folder: Path) -> AsyncIterator[Containers]:
    made = Containers(folder, lambda: True, lambda: None)
    task = asyncio.create_task(made.follow())
    try:
        await until(lambda: made.find(NAME) is not None)
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.05)


def seen(containers: Containers) -> Container:
    found = containers.find(NAME)
    assert found
    return found


def test_health_and_death_are_seen_as_they_happen_and_others_never(podman: Engine, tmp_path: Path) -> None:
    async def work() -> None:
        async with following(tmp_path) as containers:
            assert seen(containers).status == "running"
            assert seen(containers).image_size
            assert seen(containers).image_created
            await asyncio.to_thread(podman.podman, "healthcheck", "run", NAME, check=False)
            await until(lambda: seen(containers).health == "unhealthy")
            await asyncio.to_thread(podman.podman, "exec", NAME, "touch", "/tmp/well")
            await asyncio.to_thread(podman.podman, "healthcheck", "run", NAME, check=False)
            await until(lambda: seen(containers).health == "healthy")
            pid = (await asyncio.to_thread(podman.podman, "inspect", "--format={{.State.Pid}}", NAME)).stdout
            os.kill(int(pid), signal.SIGKILL)
            await until(lambda: seen(containers).exit_code == 137)
            await asyncio.to_thread(podman.podman, "rm", "--force", NAME)
            await until(lambda: containers.find(NAME) is None)
            assert containers.find(OTHER) is None

    asyncio.run(work())


def test_the_command_line_says_the_same(podman: Engine, tmp_path: Path) -> None:
    async def work() -> Container:
        async with following(tmp_path) as containers:
            return seen(containers)

    by_service = asyncio.run(work())
    assert [found for found in watch.from_command_line() if found.name in (NAME, OTHER)] == [by_service]


def test_a_service_that_dies_is_replaced(
    podman: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "COMMAND_EVERY_S", 0.2)

    async def work() -> None:
        async with following(tmp_path) as containers:
            users = [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if _serves(entry, tmp_path)]
            os.kill(int(users[0].parent.name), signal.SIGKILL)
            await asyncio.to_thread(podman.podman, "rm", "--force", "--time", "0", NAME)
            await until(lambda: containers.find(NAME) is None)

    asyncio.run(work())
    assert "its command line is used" in caplog.text


def _serves(command_line: Path, folder: Path) -> bool:
    try:
        words = command_line.read_bytes().split(b"\0")
    except OSError:
        return False
    return b"service" in words and f"unix://{folder}/api.sock".encode() in words
