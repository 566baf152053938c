"""The journal, read with journalctl."""

from __future__ import annotations

from collections.abc import Sequence

from nuwa.process import run


def tail(units: Sequence[str], count: int = 15) -> str:
    """The last lines of some units, for an error that they explain; empty if the journal has none."""
    argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={count}"]
    result = run([*argv, *(f"--unit={unit}" for unit in units)], check=False, timeout=10)
    return result.stdout.rstrip() if result.ok else ""
