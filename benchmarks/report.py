"""docs/benchmarks.md: the table, where it comes from, and what the opponents are."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figure import Figure, table
from nuwa.process import run

PAGE = Path(__file__).with_name("page.md")


def write(path: Path, figures: Sequence[Figure]) -> None:
    text = PAGE.read_text(encoding="utf-8").format(
        table=table(figures), date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine()
    )
    path.write_text(text, encoding="utf-8")


def machine() -> str:
    """The machine in one line: processors, memory, system, podman, and how busy it was."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    release = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    parts = [
        f"{os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}",
        f"{memory:.0f} GiB of memory",
        release,
        f"Linux {platform.release().partition('-')[0]}",
        run(["podman", "--version"]).stdout.strip(),
        f"Python {platform.python_version()}",
        f"load average {os.getloadavg()[2]:.1f} over the last 15 minutes",
    ]
    return ", ".join(parts)
