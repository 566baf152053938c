"""The latest results of each benchmark, kept in `benchmarks/results/` for docs/benchmarks.md."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.figure import Figure
from nuwa.process import run

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The conditions of a measurement.

    Args:
        date: as 2026-11-29, in UTC.
        commit: the measured commit, with `-dirty` if files differed from it.
        load: load average over the preceding minute.
        machine: processors, memory, system, podman, in one line.
    """

    date: str
    commit: str
    load: float
    machine: str

    @classmethod
    def now(cls) -> Conditions:
        return cls(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            commit=_commit(),
            load=round(os.getloadavg()[0], 1),
            machine=_machine(),
        )


@dataclass(frozen=True, kw_only=True)
class Record:
    """All figures of one benchmark of `script/bench`, from one run."""

    name: str
    conditions: Conditions
    figures: Sequence[Figure]


def keep(record: Record, folder: Path = RESULTS) -> None:
    """Replace the stored record with this name."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False)
    (folder / f"{record.name}.json").write_text(text + "\n", encoding="utf-8")


def kept(names: Iterable[str], folder: Path = RESULTS) -> list[Record]:
    """The stored records with these names, in their order."""
    files = [folder / f"{name}.json" for name in names]
    return [_read(file) for file in files if file.exists()]


def _read(file: Path) -> Record:
    values = json.loads(file.read_text(encoding="utf-8"))
    return Record(
        name=values["name"],
        conditions=Conditions(**values["conditions"]),
        figures=[Figure(**figure) for figure in values["figures"]],
    )


@cache
def _commit() -> str:
    """As it was at the first figure: storing records changes files."""
    described = run(["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=8"], check=False)
    return described.stdout.strip() or "unknown"


def _machine() -> str:
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    parts = [
        f"{os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}",
        f"{memory:.0f} GiB of memory",
        platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        f"Linux {platform.release().partition('-')[0]}",
        run(["podman", "--version"]).stdout.strip(),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(parts)
