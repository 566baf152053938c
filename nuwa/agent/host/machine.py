"""Resource use of the whole host, from the kernel's files."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from nuwa.agent.host.services import no_usage
from nuwa.agent.schemas import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_SECTOR = 512
_VIRTUAL = re.compile(r"lo|veth|br-|podman|cni|docker|virbr|tap|tun|vnet|ifb|dummy")
"""Interfaces whose traffic stays on the host, or also passes another interface."""
_LAYERED = re.compile(r"loop|ram|zram|dm-|md|sr|fd")
"""Disks on top of others, or in memory."""


@dataclass(frozen=True)
class _Counts:
    at: float
    cpu: float
    net: tuple[int, int]
    disk: tuple[int, int]


class Machine:
    """Turns the host's counters into rates.

    Args:
        root: `/`, except in tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._before: _Counts | None = None

    def usage(self) -> Usage:
        """Usage since the last call; the first call returns only memory."""
        now, before = self._counts(), self._before
        self._before = now
        used: Usage = {**no_usage(), "memory": self._memory()}
        if before is None or now.at <= before.at:
            return used
        passed = now.at - before.at
        used["cpu"] = round(max(0.0, now.cpu - before.cpu) / passed, 4)
        incoming, outgoing = _rates(before.net, now.net, passed)
        read, written = _rates(before.disk, now.disk, passed)
        return {**used, "net": {"incoming": incoming, "outgoing": outgoing},
                "disk": {"read": read, "written": written}}  # fmt: skip

    def space(self) -> int | None:
        """Bytes in use on the disk with the services' data."""
        try:
            found = os.statvfs(self._root / "var/lib")
        except OSError:
            return None
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _counts(self) -> _Counts:
        words = self._text("proc/stat").partition("\n")[0].split()[1:9]
        ticks = [int(word) for word in words]
        busy = sum(ticks) - sum(ticks[3:5])
        return _Counts(time.monotonic(), busy / _TICKS, self._net(), self._disk())

    def _memory(self) -> int | None:
        fields = dict(line.split(":", 1) for line in self._text("proc/meminfo").splitlines() if ":" in line)
        sizes = {name: int(text.split()[0]) * 1024 for name, text in fields.items()}
        known = sizes.get("MemTotal"), sizes.get("MemAvailable")
        return None if known[0] is None or known[1] is None else known[0] - known[1]

    def _net(self) -> tuple[int, int]:
        incoming = outgoing = 0
        for line in self._text("proc/net/dev").splitlines()[2:]:
            name, _, numbers = line.partition(":")
            fields = numbers.split()
            if not _VIRTUAL.match(name.strip()) and len(fields) > 8:
                incoming, outgoing = incoming + int(fields[0]), outgoing + int(fields[8])
        return incoming, outgoing

    def _disk(self) -> tuple[int, int]:
        read = written = 0
        for line in self._text("proc/diskstats").splitlines():
            fields = line.split()
            if len(fields) > 9 and not _LAYERED.match(fields[2]) and self._is_whole(fields[2]):
                read, written = read + int(fields[5]) * _SECTOR, written + int(fields[9]) * _SECTOR
        return read, written

    def _is_whole(self, name: str) -> bool:
        """Whether it is a disk, not a partition, whose I/O is included in the disk's."""
        return (self._root / "sys/block" / name).exists()

    def _text(self, path: str) -> str:
        try:
            return (self._root / path).read_text("ascii", "replace")
        except OSError:
            return ""


def _rates(before: tuple[int, int], now: tuple[int, int], passed: float) -> tuple[float, float]:
    first, second = (round(max(0, new - old) / passed) for old, new in zip(before, now, strict=True))
    return first, second
