"""Once a minute: what each service and the host used and answered, and which of them was restarted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from nuwa.agent import naming
from nuwa.agent.host import deaths, services
from nuwa.agent.host.machine import Machine
from nuwa.agent.host.metrics import Meter
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Mark, Usage
from nuwa.agent.stats import points
from nuwa.agent.stats.access_log import Reader, Requests
from nuwa.agent.stats.openmetrics import Totals
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.store import HOST, Store
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)

INTERVAL_S = 60.0
SHORTEST_S = 5.0
"""Seconds between two rounds at least: while a clock is adjusted, the same minute could come twice."""
RECENT_S = 180.0
"""Seconds for which a restart is attributed to what was asked for."""


class Host(Protocol):
    """What the recorder needs of the agent."""

    paths: Paths

    def services(self) -> list[Service]: ...

    async def units(self) -> dict[str, Properties]: ...


@dataclass(frozen=True)
class _Start:
    """When a unit was started last, as systemd counts it."""

    unit: str
    at: int
    restarts: int


class Recorder:
    """Measures as long as the agent runs. Nothing that fails here ends it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._meter = Meter(kept=1)
        self._machine = Machine()
        self._logs = Reader()
        self._starts: dict[str, _Start] = {}
        self._asked: dict[str, float] = {}
        self.totals: dict[str, Totals] = {}
        """What was counted since the agent's start."""
        self._store: Store | None = None
        self._fault = ""
        self._measured_at = time.monotonic()

    async def run(self) -> None:
        """Record forever; write what waits at the end."""
        try:
            await self._round(is_first=True)
            while True:
                await asyncio.sleep(until_next(time.time()))
                await self._round()
        finally:
            if self._store:
                self._store.close()

    def store(self) -> Store:
        """Where everything is.

        Raises:
            NuwaError: the file cannot be opened.
        """
        if self._store is None:
            self._store = Store(self._host.paths.stats)
        return self._store

    def expect_restart(self, name: str) -> None:
        """Somebody asked for it."""
        self._asked[name] = time.monotonic()

    async def _round(self, *, is_first: bool = False) -> None:
        try:
            await self._record(is_first=is_first)
            self._fault = ""
        except Exception as error:
            if self._fault != str(error):
                is_known = isinstance(error, NuwaError | OSError)
                log.warning("nothing was recorded: %s", error, exc_info=None if is_known else error)
            self._fault = str(error)

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
        marks = [mark async for mark in self._restarts(everything, units)]
        if not is_first:
            self.totals = {name: self.totals.get(name, Totals()) for name in minute}
            for name, point in minute.items():
                self.totals[name].add(point, passed)
            await asyncio.to_thread(lambda: self.store().add(minute, marks))

    def _requests(self, everything: list[Service]) -> dict[str, Requests]:
        found = {}
        for service in everything:
            path = access_log(service, self._host.paths)
            requests = self._logs.read(path) if path else None
            if requests:
                found[service.name] = requests
        return found

    async def _restarts(
        self, everything: list[Service], units: Mapping[str, Properties]
    ) -> AsyncIterator[tuple[str, Mark]]:
        """What was started since the last round, although it had run before."""
        starts = {service.name: _start(service, units[service.unit])
                  for service in everything if service.unit in units}  # fmt: skip
        for service in everything:
            before, now = self._starts.get(service.name), starts.get(service.name)
            if before is None or now is None or before.unit != now.unit or before.at in (0, now.at):
                continue
            when = services.since(units[now.unit])
            if when is not None and now.at:
                yield (
                    service.name,
                    {"at": when, "kind": "restart", "text": await self._why(service, before, now)},
                )
        self._starts = {**self._starts, **{name: start for name, start in starts.items() if start.at}}

    async def _why(self, service: Service, before: _Start, now: _Start) -> str:
        if now.restarts > before.restarts:
            reason = await deaths.reason(service, 2 * INTERVAL_S)
            return "ended and was restarted by systemd" + (f": {reason}" if reason else "")
        is_asked = time.monotonic() - self._asked.get(service.name, float("-inf")) < RECENT_S
        return "restarted by nuwa" if is_asked else "restarted, not by nuwa"


def until_next(now: float) -> float:
    """Seconds until the next minute, or the one after that where it is too near.

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


def _start(service: Service, properties: Properties) -> _Start:
    restarts, at = (properties.get(name) or "0" for name in ("NRestarts", "ActiveEnterTimestampMonotonic"))
    return _Start(service.unit, int(at), int(restarts))


def _is_known(usage: Usage) -> bool:
    return any(value is not None for value in usage.values())


def _with_requests(point: Point, requests: Requests | None) -> Point:
    if requests is None:
        return point
    return replace(point, requests=requests.count, errors=requests.errors, took=requests.took)
