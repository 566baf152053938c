"""Records once a minute what each service and the host used and answered, and what was restarted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from nuwa.agent import naming
from nuwa.agent.host import services
from nuwa.agent.host.machine import Machine
from nuwa.agent.host.metrics import Meter
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Usage
from nuwa.agent.stats import points
from nuwa.agent.stats.access_log import Reader, Requests
from nuwa.agent.stats.openmetrics import Totals
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.restarts import Restarts
from nuwa.agent.stats.store import HOST, Store
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)

INTERVAL_S = 60.0
SHORTEST_S = 5.0
"""Minimum seconds between two rounds: while a clock is adjusted, the same minute could occur twice."""
SETTLE_S = 2.0
"""Seconds that podman and systemd get to log a reason after systemd has reported a change."""
LOOK_EVERY_S = 5.0
"""Minimum seconds between two checks for restarts, so that constant restarts do not cost more."""


class Host(Protocol):
    """What the recorder needs from the agent."""

    paths: Paths

    def services(self) -> list[Service]: ...

    async def units(self) -> dict[str, Properties]: ...


class Recorder:
    """Measures as long as the agent runs. No failure here stops it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._meter = Meter(kept=1)
        self._machine = Machine()
        self._logs = Reader()
        self.restarts = Restarts()
        self._changed = asyncio.Event()
        self.totals: dict[str, Totals] = {}
        """The counters since the agent's start."""
        self._store: Store | None = None
        self._faults: dict[str, str] = {}
        self._measured_at = time.monotonic()

    async def run(self) -> None:
        """Record forever; write pending data at the end."""
        try:
            await self._round(is_first=True)
            while True:
                await self._watch(until_next(time.time()))
                await self._round()
        finally:
            if self._store:
                self._store.close()

    def store(self) -> Store:
        """The store of all measurements.

        Raises:
            NuwaError: the file cannot be opened.
        """
        if self._store is None:
            self._store = Store(self._host.paths.stats)
        return self._store

    def stir(self) -> None:
        """Check for restarts soon, because systemd reported a change."""
        self._changed.set()

    async def _watch(self, seconds: float) -> None:
        """Check for restarts soon after they happen, until the minute is over."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic() - LOOK_EVERY_S) > 0:
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
            await asyncio.sleep(SETTLE_S)
            await self._guarded("restarts", self._look())
            await asyncio.sleep(LOOK_EVERY_S - SETTLE_S)
        await asyncio.sleep(max(0.0, end - time.monotonic()))

    async def _look(self) -> None:
        self._changed.clear()
        await self.restarts.look(self.store(), self._host.services(), await self._host.units())

    async def _round(self, *, is_first: bool = False) -> None:
        await self._guarded("figures", self._record(is_first=is_first))
        await self._guarded("restarts", self._look())

    async def _guarded(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Log a failure once, without stopping."""
        try:
            await work
            self._faults.pop(what, None)
        except Exception as error:
            if str(error) not in self._faults.values():
                is_known = isinstance(error, NuwaError | OSError)
                log.warning("nothing was recorded: %s", error, exc_info=None if is_known else error)
            self._faults[what] = str(error)

    async def _record(self, *, is_first: bool) -> None:
        at = int(time.time() - 1) // 60 * 60
        everything = self._host.services()
        units = await self._host.units()
        usages = await self._meter.sample(everything, units)
        before, self._measured_at = self._measured_at, time.monotonic()
        passed = self._measured_at - before
        await self._meter.rest()
        requests = await asyncio.to_thread(self._requests, everything)
        minute = {
            name: _with_requests(
                points.of_usage(at, usages.get(name, services.no_usage())), requests.get(name)
            )
            for name in {*(name for name, usage in usages.items() if _is_known(usage)), *requests}
        }
        host = points.of_usage(at, self._machine.usage())
        minute[HOST] = replace(host, space=self._machine.space())
        if not is_first:
            self.totals = {name: self.totals.get(name, Totals()) for name in minute}
            for name, point in minute.items():
                self.totals[name].add(point, passed)
            await asyncio.to_thread(lambda: self.store().add(minute))

    def _requests(self, everything: list[Service]) -> dict[str, Requests]:
        found = {}
        for service in everything:
            path = access_log(service, self._host.paths)
            requests = self._logs.read(path) if path else None
            if requests:
                found[service.name] = requests
        return found


def until_next(now: float) -> float:
    """Seconds until the next minute, or until the one after it if the next is too close.

    Args:
        now: Unix seconds.
    """
    left = INTERVAL_S - now % INTERVAL_S
    return left if left >= SHORTEST_S else left + INTERVAL_S


def access_log(service: Service, paths: Paths) -> Path | None:
    """Where nginx logs the requests to a service."""
    if service.deployment:
        log_path = service.deployment.names.access_log if service.deployment.app else ""
    else:
        log_path = naming.access_log(service.name) if service.kind == "process" else ""
    return paths.root / log_path.lstrip("/") if log_path else None


def _is_known(usage: Usage) -> bool:
    return any(value is not None for value in usage.values())


def _with_requests(point: Point, requests: Requests | None) -> Point:
    if requests is None:
        return point
    return replace(point, requests=requests.count, errors=requests.errors, took=requests.took)
