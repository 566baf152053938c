"""The kernel's counters of a control group, in version 2 of cgroups and in version 1."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

Pair = tuple[int, int]
TICKS = os.sysconf("SC_CLK_TCK")
WHOLE_BYTES = 2048
"""The kernel fills a page with each read, so a shorter read is the last one; this saves hundreds of reads."""


@dataclass(frozen=True)
class Counts:
    """What a control group has used.

    Args:
        cpu: seconds of CPU time since its creation.
        memory: bytes at present.
        disk: bytes read and written since its creation.
        net: bytes received and sent by its network namespace, if it has its own.
    """

    cpu: float
    memory: int | None
    disk: Pair | None
    net: Pair | None = None


class Cgroups:
    """Reads counters below a root that is `/` except in tests."""

    def __init__(self, root: Path = Path("/")) -> None:
        # Plain strings and os.read: a listing of hundreds of services opens thousands of these files.
        self._files = str(root / "sys/fs/cgroup")
        self._proc = str(root / "proc")
        self._unified = Path(self._files, "cgroup.controllers").exists()

    def read(self, group: str, pid: int, *, container: bool, before: Counts | None = None) -> Counts | None:
        """The counters of a unit.

        Args:
            group: its control group, as systemd names it.
            pid: its main process.
            container: whether pid is podman's monitor, whose child is the container to measure.
            before: the last counters, which are reused if it has used no CPU time since.

        Returns:
            None if it is not running.
        """
        if not container:
            if not group:
                return None
            if self._unified:
                return self._version2(group, before)
            return self._version1(dict.fromkeys(("cpuacct", "memory", "blkio", ""), group), before)
        child = self._child(pid)
        if not child:
            return None
        counts = self._counts(self._groups(child))
        return Counts(counts.cpu, counts.memory, counts.disk, self._net(child)) if counts else None

    def _child(self, pid: int) -> int:
        """The first process that a container's monitor started."""
        text = _text(f"{self._proc}/{pid}/task/{pid}/children") if pid else ""
        return int(text.split()[0]) if text.split() else 0

    def _groups(self, pid: int) -> dict[str, str]:
        """The control groups of a process, by controller; the empty name is that of version 2."""
        found = {}
        for line in _text(f"{self._proc}/{pid}/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            found.update(dict.fromkeys(controllers.split(","), path))
        return found

    def _counts(self, groups: dict[str, str], before: Counts | None = None) -> Counts | None:
        if self._unified:
            return self._version2(groups.get("", ""), before)
        return self._version1(groups, before)

    def _version2(self, group: str, before: Counts | None) -> Counts | None:
        folder = f"{self._files}/{group.lstrip('/')}"
        name, _, rest = _text(f"{folder}/cpu.stat").partition(" ")
        if name != "usage_usec" or not group:
            return None
        cpu = int(rest.partition("\n")[0])
        if before is not None and before.cpu == cpu / 1e6:
            return before
        return Counts(cpu / 1e6, _number(f"{folder}/memory.current"), _io_stat(f"{folder}/io.stat"))

    def _version1(self, groups: dict[str, str], before: Counts | None) -> Counts | None:
        nanoseconds = self._v1("cpuacct", groups.get("cpuacct", groups.get("cpu")), "cpuacct.usage")
        cpu = self._cpu_of_processes(groups) if nanoseconds is None else nanoseconds / 1e9
        if cpu is None:
            return None
        if before is not None and before.cpu == cpu:
            return before
        memory = self._v1("memory", groups.get("memory"), "memory.usage_in_bytes")
        block = (groups.get("blkio") or "").lstrip("/")
        disk = _blkio(f"{self._files}/blkio/{block}/blkio.throttle.io_service_bytes_recursive")
        return Counts(cpu, memory, disk)

    def _cpu_of_processes(self, groups: dict[str, str]) -> float | None:
        """The sum over the group's processes and exited children, if systemd does not manage cpuacct."""
        group = groups.get("name=systemd", groups.get("", "")).lstrip("/")
        processes = _text(f"{self._files}/systemd/{group}/cgroup.procs").split()
        ticks = [_ticks(_text(f"{self._proc}/{process}/stat")) for process in processes]
        return sum(ticks) / TICKS if ticks and group else None

    def _v1(self, controller: str, group: str | None, file: str) -> int | None:
        return None if group is None else _number(f"{self._files}/{controller}/{group.lstrip('/')}/{file}")

    def _net(self, pid: int) -> Pair | None:
        """Traffic of a process's network namespace; None if that is the host's own."""
        try:
            if Path(self._proc, f"{pid}/ns/net").readlink() == Path(self._proc, "1/ns/net").readlink():
                return None
        except OSError:
            return None
        incoming = outgoing = 0
        for line in _text(f"{self._proc}/{pid}/net/dev").splitlines()[2:]:
            name, _, numbers = line.partition(":")
            fields = numbers.split()
            if name.strip() != "lo" and len(fields) > 8:
                incoming += int(fields[0])
                outgoing += int(fields[8])
        return incoming, outgoing


def _read(path: str) -> str | None:
    """The content of a kernel file; None if it does not exist."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        pieces = []
        while piece := os.read(handle, 65536):
            pieces.append(piece)
            if len(piece) < WHOLE_BYTES:
                break
        return b"".join(pieces).decode("ascii", "replace")
    except OSError:
        return None
    finally:
        os.close(handle)


def _text(path: str) -> str:
    return _read(path) or ""


def _ticks(stat: str) -> int:
    """CPU time in proc(5)'s stat, of the process and of its children that exited."""
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def _number(path: str) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _io_stat(path: str) -> Pair | None:
    """Version 2: a line per device, `8:0 rbytes=1 wbytes=2 …`. Without the file, I/O is not accounted."""
    text = _read(path)
    if text is None:
        return None
    read = written = 0
    for word in text.split():
        name, _, value = word.partition("=")
        read += int(value) if name == "rbytes" else 0
        written += int(value) if name == "wbytes" else 0
    return read, written


def _blkio(path: str) -> Pair | None:
    """Version 1: a line per device and direction, `8:0 Read 1`."""
    text = _read(path)
    if text is None:
        return None
    sums = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in sums:
            sums[words[1]] += int(words[2])
    return sums["Read"], sums["Write"]
