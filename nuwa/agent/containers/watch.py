"""The state of containers: from podman's service while somebody watches, else from its command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

from nuwa.agent.containers import state
from nuwa.agent.containers.state import Container
from nuwa.errors import NuwaError
from nuwa.names import LABEL_APP
from nuwa.process import run
from nuwa.process_async import started

log = logging.getLogger(__name__)

LINGER_S = 30
"""Seconds without a connection after which podman's service exits, in case the agent is gone."""
READY_S = 15.0
SILENCE_S = 30.0
"""Seconds without a heartbeat after which service and reader count as unresponsive."""
RETRY_S = 60.0
"""Seconds for which the command line is used after that."""
COMMAND_EVERY_S = 10.0
COMMAND_TIMEOUT_S = 30
_WITHOUT_SOCKETS = ("env", "--unset=LISTEN_FDS", "--unset=LISTEN_PID", "--unset=LISTEN_FDNAMES")
"""podman's service would use LISTEN_FDS, although LISTEN_PID says that the sockets are the agent's."""
MAX_LINE_BYTES = 4 * 1024 * 1024
"""Ten times the description of 500 containers."""


class Containers:
    """The containers of deployments, by name.

    Args:
        folder: of the service's socket; created with access for root only.
        is_wanted: whether somebody watches, and there are deployments.
        on_change: called when something has changed.
    """

    def __init__(self, folder: Path, is_wanted: Callable[[], bool], on_change: Callable[[], None]) -> None:
        self._folder = folder
        self._is_wanted = is_wanted
        self._on_change = on_change
        self._by_name: dict[str, Container] = {}
        self._asked_at = float("-inf")
        self._reading = asyncio.Lock()
        self._fault = ""

    def find(self, name: str) -> Container | None:
        """A container, as last read."""
        return self._by_name.get(name)

    async def follow(self) -> None:
        """Follow podman's events while somebody watches; to be called whenever somebody starts watching."""
        try:
            await self._by_service()
        except (NuwaError, OSError, TimeoutError) as error:
            reason = str(error) or "it did not answer in time"
            log.warning("podman's service is unusable; its command line is used instead: %s", reason)
            await self._by_command_line()

    async def refresh(self) -> None:
        """Query podman's command line, unless that was done a moment ago, with or without success."""
        async with self._reading:
            if time.monotonic() - self._asked_at > COMMAND_EVERY_S:
                try:
                    found = await asyncio.to_thread(from_command_line)
                finally:
                    self._asked_at = time.monotonic()
                self._take([state.after(self._by_name.get(one.name), one) for one in found])

    async def _by_command_line(self) -> None:
        end = time.monotonic() + RETRY_S
        while self._is_wanted() and time.monotonic() < end:
            try:
                await self.refresh()
                self._fault = ""
            except NuwaError as error:
                if str(error) != self._fault:
                    log.warning("the containers cannot be watched: %s", error)
                self._fault = str(error)
            await asyncio.sleep(COMMAND_EVERY_S)

    async def _by_service(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        socket = self._folder / "api.sock"
        socket.unlink(missing_ok=True)
        service = [*_WITHOUT_SOCKETS, "podman", "system", "service", f"--time={LINGER_S}", f"unix://{socket}"]
        reader = [sys.executable, "-OO", "-m", "nuwa.agent.containers", str(socket)]
        async with started(service, errors=False):
            await _ready(socket)
            async with (
                started(reader, errors=False, longest_line=MAX_LINE_BYTES) as running,
                contextlib.aclosing(_lines(running.lines())) as lines,
            ):
                async for line in lines:
                    self._take(_containers(line))
                    if not self._is_wanted():
                        return
        raise NuwaError("it ended")

    def _take(self, found: list[Container]) -> None:
        self._asked_at = time.monotonic()
        by_name = {one.name: one for one in found}
        if by_name != self._by_name:
            self._by_name = by_name
            self._on_change()


async def _ready(socket: Path) -> None:
    """Wait until a socket accepts connections.

    Raises:
        TimeoutError: it does not.
    """
    async with asyncio.timeout(READY_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_unix_connection(str(socket))
                writer.close()
                return
            await asyncio.sleep(0.02)


async def _lines(source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Lines, as long as the pauses between them are short enough.

    Raises:
        TimeoutError: a pause was too long.
    """
    while True:
        async with asyncio.timeout(SILENCE_S):
            line = await anext(source, None)
        if line is None:
            return
        yield line


def _containers(line: bytes) -> list[Container]:
    """The containers in a line of the reader.

    Raises:
        NuwaError: it reports an error, or cannot be parsed.
    """
    try:
        said = json.loads(line)
        found = [state.from_json(value) for value in said["containers"]]
    except (ValueError, KeyError, TypeError):
        raise NuwaError(line.decode("utf-8", "replace").strip()[:300]) from None
    return [one for one in found if one]


def from_command_line() -> list[Container]:
    """The containers from podman's command line, in three calls however many there are.

    Raises:
        NuwaError: podman does not answer.
    """
    ids = run(
        ["podman", "ps", "--all", "--quiet", "--no-trunc", f"--filter=label={LABEL_APP}"],
        timeout=COMMAND_TIMEOUT_S,
    ).stdout.split()
    if not ids:
        return []
    inspected = _inspect("container", ids)
    images = sorted({str(one["Image"]) for one in inspected if one.get("Image")})
    by_id = {str(image.get("Id")).removeprefix("sha256:"): image for image in _inspect("image", images)}
    found = [state.parse(one, by_id.get(str(one.get("Image")).removeprefix("sha256:"))) for one in inspected]
    return [one for one in found if one]


def _inspect(kind: str, ids: list[str]) -> list[dict[str, Any]]:
    """podman's descriptions of them, without those removed meanwhile, for which it reports an error."""
    if not ids:
        return []
    result = run(["podman", "inspect", f"--type={kind}", *ids], check=False, timeout=COMMAND_TIMEOUT_S)
    try:
        found = json.loads(result.stdout or "[]")
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
