"""podman-py in its child process, before something that answers as podman's service does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.containers import watch
from nuwa.agent.containers.state import Container
from nuwa.agent.containers.watch import Containers
from unit.agent.containers.test_state import ID, inspected

SERVICE = Path(__file__).with_name("podman_service.py")


class Host:
    """A host with such a podman.

    Args:
        folder: for everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._file, self._pid = folder, folder / "told.json", folder / "pid"
        self.tell([inspected()])
        podman = folder / "bin/podman"
        podman.parent.mkdir()
        script = f'[ "$1 $2" = "system service" ] || exit 125\necho $$ >{self._pid}\n'
        script += f'exec {sys.executable} {SERVICE} "${{4#unix://}}" {self._file}\n'
        podman.write_text(f"#!/bin/sh\n{script}")
        podman.chmod(0o755)

    def tell(self, containers: list[Any], **more: Any) -> None:
        """Change what the service answers, at once and as a whole."""
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"containers": containers, **more}))
        new.replace(self._file)

    def send(self, number: signal.Signals) -> None:
        os.kill(int(self._pid.read_text()), number)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return Host(tmp_path)


@asynccontextmanager
async def following(host: Host) -> AsyncIterator[Containers]:
    made = Containers(host.folder / "run", lambda: True, lambda: None)
    task = asyncio.create_task(made.follow())
    try:
        await until(lambda: made.find("nuwa-shop-blue"))
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.02)


def seen(containers: Containers) -> Container:
    found = containers.find("nuwa-shop-blue")
    assert found
    return found


def test_a_change_is_seen_when_its_event_comes(host: Host) -> None:
    async def work() -> None:
        async with following(host) as containers:
            assert (seen(containers).health, seen(containers).image_size) == ("healthy", 7)
            host.tell([inspected(health={"Status": "unhealthy"})], touched=ID)
            await until(lambda: seen(containers).health == "unhealthy")
            host.tell([], touched=ID)
            await until(lambda: containers.find("nuwa-shop-blue") is None)

    asyncio.run(work())


def test_a_container_without_an_image_is_seen_too(host: Host) -> None:
    host.tell([{**inspected(), "Image": ""}])

    async def work() -> None:
        async with following(host) as containers:
            assert (seen(containers).health, seen(containers).image_size) == ("healthy", None)

    asyncio.run(work())


def test_the_agents_own_sockets_are_not_taken_for_the_services(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.setenv(name, "2")
    (host.folder / "bin/podman").write_text(
        '#!/bin/sh\n[ -z "$LISTEN_FDS$LISTEN_PID$LISTEN_FDNAMES" ] || exit 1\n'
        + (host.folder / "bin/podman").read_text()
    )

    async def work() -> None:
        async with following(host) as containers:
            assert seen(containers)

    asyncio.run(work())


def test_five_hundred_containers_are_all_there(host: Host) -> None:
    many = [
        {**inspected(), "Id": f"{number:064x}", "Name": f"nuwa-app{number}-blue"} for number in range(499)
    ]
    host.tell([inspected(), *many])

    async def work() -> None:
        async with following(host) as containers:
            assert containers.find("nuwa-app498-blue")

    asyncio.run(work())


def test_what_others_run_is_not_taken_even_if_it_is_told(host: Host) -> None:
    other = {**inspected(), "Id": "cc", "Name": "nuwa-other-blue", "Config": {"Labels": {"mine": "1"}}}
    host.tell([inspected(), other])

    async def work() -> None:
        async with following(host) as containers:
            assert containers.find("nuwa-other-blue") is None

    asyncio.run(work())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_service_that_dies_or_hangs_is_given_up(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    monkeypatch.setattr(watch, "SILENCE_S", 15.0)
    monkeypatch.setattr(watch, "COMMAND_EVERY_S", 0.1)

    async def work() -> None:
        async with following(host) as containers:
            host.send(number)
            await until(lambda: "its command line is used" in caplog.text)
            assert containers.find("nuwa-shop-blue")

    asyncio.run(work())


def test_a_slow_service_is_waited_for(host: Host) -> None:
    host.tell([inspected()], delay=0.4)

    async def work() -> None:
        async with following(host) as containers:
            assert seen(containers).status == "running"

    asyncio.run(work())
