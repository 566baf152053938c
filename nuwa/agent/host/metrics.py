"""Resource use of services, from the kernel's files; measured only while somebody watches."""

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
from nuwa.agent.schemas import HISTORY_SAMPLES, Net, Usage

SAMPLE_INTERVAL_S = 2.0
"""Seconds between two samples."""
READ_ALL_EVERY = 10
"""Samples after which the memory of idle units is read again: the kernel may have reclaimed some."""
MANY_UNITS, STILL_S = 100, 3.0
"""With more than MANY_UNITS, an idle unit is read again only after STILL_S seconds: in every other sample.
A read takes 13 µs, two thirds of it in the kernel, and is most of the cost."""
MAX_NETWORK_UNITS = 30
"""Units whose network counters are requested from systemd for each sample: the busiest ones."""


@dataclass
class _Track:
    """The last counts of a unit."""

    counts: Counts | None = None
    at: float = 0.0
    traffic: tuple[int, int] | None = None
    traffic_at: float = 0.0
    usage: Usage = field(default_factory=no_usage)
    rests: int = 0
    """Consecutive samples without CPU time."""
    is_still: bool = False
    """Whether its last sample showed no change: the case for most of hundreds of services."""


class Meter:
    """Turns counters into rates.

    Args:
        root: `/`, except in tests.
        kept: samples to keep per service.
    """

    def __init__(self, root: Path = Path("/"), kept: int = HISTORY_SAMPLES) -> None:
        self._kept = kept
        self._cgroups = Cgroups(root)
        self._counters = Counters()
        self._tracks: dict[str, _Track] = {}
        self._samples: dict[str, deque[Usage]] = {}
        self._sampled_at = float("-inf")

    @property
    def is_old(self) -> bool:
        """Whether the last sample is older than it would be while somebody watches."""
        return time.monotonic() - self._sampled_at > SAMPLE_INTERVAL_S

    async def sample(self, services: Iterable[Service], units: Mapping[str, Properties]) -> dict[str, Usage]:
        """The usage of every service since the last sample."""
        self._sampled_at = time.monotonic()
        parts = {}
        for service in services:
            if there := [unit for unit in service.serving if unit in units]:
                parts[service.name] = (service.kind, there)
        self._samples = {name: self._samples.get(name) or deque(maxlen=self._kept) for name in parts}
        self._tracks = {
            unit: self._tracks.get(unit) or _Track() for _, serving in parts.values() for unit in serving
        }
        await self._sample_units({unit: kind for kind, serving in parts.values() for unit in serving}, units)
        for name, (_, serving) in parts.items():
            self._samples[name].append(total([self._tracks[unit].usage for unit in serving]))
        return {name: samples[-1] for name, samples in self._samples.items()}

    async def _sample_units(self, kinds: Mapping[str, str], units: Mapping[str, Properties]) -> None:
        """Sample each unit; `kinds` maps units to the kind of their service."""
        tracks = self._tracks
        # In a thread: with hundreds of services this would delay requests noticeably.
        patience = STILL_S if len(kinds) > MANY_UNITS else 0.0
        load: dict[str, float] = await asyncio.to_thread(
            lambda: {
                unit: self._count(tracks[unit], kind, units[unit])
                if not tracks[unit].is_still or time.monotonic() - tracks[unit].at >= patience
                else 0.0
                for unit, kind in kinds.items()
            }
        )
        processes = [unit for unit, kind in kinds.items() if kind == "process"]
        busiest = sorted(processes, key=lambda unit: load[unit], reverse=True)
        asked = {unit for unit in busiest[:MAX_NETWORK_UNITS] if load[unit] > 0}
        for unit in asked:
            await self._count_traffic(tracks[unit], unit)
        for unit in processes:
            if unit not in asked and load[unit] == 0 and tracks[unit].traffic:
                tracks[unit].usage = {**tracks[unit].usage, "net": {"incoming": 0.0, "outgoing": 0.0}}

    def usage(self, name: str) -> Usage:
        """The last sample of a service; the same object until the next one."""
        samples = self._samples.get(name)
        return samples[-1] if samples else no_usage()

    def history(self) -> dict[str, list[Usage]]:
        """The kept samples, the oldest first."""
        return {name: list(samples) for name, samples in self._samples.items()}

    async def rest(self) -> None:
        """Stop measuring: nobody watches any more."""
        await self._counters.close()

    def _count(self, track: _Track, kind: str, properties: Properties) -> float:
        """Read the cgroup of a unit; returns its CPU time since the last read, in seconds."""
        pid = int(properties.get("MainPID") or 0)
        counts = self._cgroups.read(
            properties.get("ControlGroup", ""),
            pid,
            container=kind == "deployment",
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
            used = 1.0  # not known yet: request its traffic too
        else:
            used = counts.cpu - before.cpu
            track.rests = track.rests + 1 if used == 0 else 0
            _take_rates(usage, before, counts, passed)
        track.usage = usage  # replaced as a whole: rows that hold it are read meanwhile
        return used

    async def _count_traffic(self, track: _Track, unit: str) -> None:
        found = await self._counters.traffic(unit)
        now, before, passed = time.monotonic(), track.traffic, time.monotonic() - track.traffic_at
        track.traffic, track.traffic_at = found, now
        track.usage = {**track.usage, "net": _net(before, found, passed) if found else None}


def _take_rates(usage: Usage, before: Counts, now: Counts, passed: float) -> None:
    """Fill in the usage between two counts."""
    usage["cpu"] = round(max(0.0, now.cpu - before.cpu) / passed, 4)
    if now.net is not None:
        usage["net"] = _net(before.net, now.net, passed)
    if now.disk is not None and before.disk is not None:
        read, written = _rates(before.disk, now.disk, passed)
        usage["disk"] = {"read": read, "written": written}


def total(parts: list[Usage]) -> Usage:
    """The total usage of several containers; a value that is unknown for all stays unknown."""
    if len(parts) == 1:
        return parts[0]
    cpus = [part["cpu"] for part in parts if part["cpu"] is not None]
    memories = [part["memory"] for part in parts if part["memory"] is not None]
    nets = [(net["incoming"], net["outgoing"]) for part in parts if (net := part["net"])]
    disks = [(disk["read"], disk["written"]) for part in parts if (disk := part["disk"])]
    incoming, outgoing = (sum(rates) for rates in zip(*nets, strict=True)) if nets else (0.0, 0.0)
    read, written = (sum(rates) for rates in zip(*disks, strict=True)) if disks else (0.0, 0.0)
    return {
        "cpu": round(sum(cpus), 4) if cpus else None,
        "memory": sum(memories) if memories else None,
        "net": {"incoming": incoming, "outgoing": outgoing} if nets else None,
        "disk": {"read": read, "written": written} if disks else None,
    }


def _net(before: tuple[int, int] | None, now: tuple[int, int], passed: float) -> Net | None:
    if before is None or passed <= 0:
        return None
    incoming, outgoing = _rates(before, now, passed)
    return {"incoming": incoming, "outgoing": outgoing}


def _rates(before: tuple[int, int], now: tuple[int, int], passed: float) -> tuple[float, float]:
    """Per second; a counter that decreased was reset."""
    first, second = (round(max(0, new - old) / passed) for old, new in zip(before, now, strict=True))
    return first, second
