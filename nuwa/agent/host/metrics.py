"""What services use, out of the kernel's own files; measured only while somebody watches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.agent.host.cgroups import Cgroups, Counts
from nuwa.agent.host.dbus import Counters
from nuwa.agent.host.services import Service, no_usage
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.schemas import Net, Usage

SAMPLE_INTERVAL_S = 2.0
"""Seconds between two samples."""
READ_ALL_EVERY = 10
"""Samples after which the memory of what does nothing is read again: the kernel may have taken some back."""
KEPT_SAMPLES = 60
"""Samples that are kept of each service."""
MAX_NETWORK_UNITS = 30
"""Units whose network counters are asked of systemd with each sample: the busiest ones."""


@dataclass
class _Track:
    """What was counted last of one service."""

    counts: Counts | None = None
    at: float = 0.0
    traffic: tuple[int, int] | None = None
    traffic_at: float = 0.0
    usage: Usage = field(default_factory=no_usage)
    history: deque[Usage] = field(default_factory=deque)
    rests: int = 0
    """Samples in a row in which it used no CPU time."""
    is_still: bool = False
    """Whether nothing was new in its last sample: of hundreds of services that is so with most."""


class Meter:
    """Turns counters into rates.

    Args:
        root: `/`, except in tests.
        kept: samples that are kept of each service.
    """

    def __init__(self, root: Path = Path("/"), kept: int = KEPT_SAMPLES) -> None:
        self._kept = kept
        self._cgroups = Cgroups(root)
        self._counters = Counters()
        self._tracks: dict[str, _Track] = {}
        self._sampled_at = float("-inf")

    @property
    def is_old(self) -> bool:
        """Whether the last sample is older than those of somebody who watches."""
        return time.monotonic() - self._sampled_at > SAMPLE_INTERVAL_S

    async def sample(self, services: Iterable[Service], units: Mapping[str, Properties]) -> dict[str, Usage]:
        """The usage of every service since the last sample."""
        self._sampled_at = time.monotonic()
        serving = {service.name: service for service in services if service.unit in units}
        self._tracks = {
            name: self._tracks.get(name) or _Track(history=deque(maxlen=self._kept)) for name in serving
        }
        tracks = self._tracks
        # In a thread: with hundreds of services it takes long enough for a request to notice.
        load: dict[str, float] = await asyncio.to_thread(
            lambda: {
                name: self._count(tracks[name], service, units[service.unit])
                for name, service in serving.items()
            }
        )
        busiest = sorted(load, key=lambda name: load[name], reverse=True)
        asked = [name for name in busiest if serving[name].kind == "process" and load[name] > 0][
            :MAX_NETWORK_UNITS
        ]
        for name in asked:
            await self._count_traffic(self._tracks[name], serving[name].unit)
        for name, track in self._tracks.items():
            if serving[name].kind == "process" and name not in asked and load[name] == 0 and track.traffic:
                track.usage = {**track.usage, "net": {"incoming": 0.0, "outgoing": 0.0}}
            track.history.append(track.usage)
        return {name: track.usage for name, track in self._tracks.items()}

    def usage(self, name: str) -> Usage:
        """The last sample of a service; the same object until there is another one."""
        track = self._tracks.get(name)
        return track.usage if track else no_usage()

    def history(self) -> dict[str, list[Usage]]:
        """The samples that are kept, the oldest first."""
        return {name: list(track.history) for name, track in self._tracks.items()}

    async def rest(self) -> None:
        """Nobody watches any more."""
        await self._counters.close()

    def _count(self, track: _Track, service: Service, properties: Properties) -> float:
        """Read the cgroup of a service; returns the CPU time that it used since, in seconds."""
        pid = int(properties.get("MainPID") or 0)
        counts = self._cgroups.read(
            properties.get("ControlGroup", ""),
            pid,
            container=service.kind == "deployment",
            before=track.counts if track.rests % READ_ALL_EVERY else None,
        )
        now, before, passed = time.monotonic(), track.counts, time.monotonic() - track.at
        track.counts, track.at = counts, now
        if counts is before and track.is_still:
            track.rests += 1
            return 0.0
        usage: Usage = {**no_usage(), "memory": counts.memory if counts else None, "net": track.usage["net"]}
        track.is_still = counts is before and counts is not None
        used = 0.0
        if counts is None:
            usage["net"] = track.traffic = None
        elif before is None or passed <= 0:
            used = 1.0  # unknown yet: ask for its traffic too
        else:
            used = counts.cpu - before.cpu
            track.rests = track.rests + 1 if used == 0 else 0
            _take_rates(usage, before, counts, passed)
        track.usage = usage  # as a whole: rows that hold it are read meanwhile
        return used

    async def _count_traffic(self, track: _Track, unit: str) -> None:
        found = await self._counters.traffic(unit)
        now, before, passed = time.monotonic(), track.traffic, time.monotonic() - track.traffic_at
        track.traffic, track.traffic_at = found, now
        track.usage = {**track.usage, "net": _net(before, found, passed) if found else None}


def _take_rates(usage: Usage, before: Counts, now: Counts, passed: float) -> None:
    """Fill in what was used between two counts."""
    usage["cpu"] = round(max(0.0, now.cpu - before.cpu) / passed, 4)
    if now.net is not None:
        usage["net"] = _net(before.net, now.net, passed)
    if now.disk is not None and before.disk is not None:
        read, written = _rates(before.disk, now.disk, passed)
        usage["disk"] = {"read": read, "written": written}


def _net(before: tuple[int, int] | None, now: tuple[int, int], passed: float) -> Net | None:
    if before is None or passed <= 0:
        return None
    incoming, outgoing = _rates(before, now, passed)
    return {"incoming": incoming, "outgoing": outgoing}


def _rates(before: tuple[int, int], now: tuple[int, int], passed: float) -> tuple[float, float]:
    """A second; a counter that fell was reset."""
    first, second = (round(max(0, new - old) / passed) for old, new in zip(before, now, strict=True))
    return first, second
