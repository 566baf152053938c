"""The cost of the command line itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.measure import interleaved, seconds
from benchmarks.world import World
from nuwa.process import run


def help_text(world: World) -> Iterator[Figure]:
    """`nuwa --help` against an interpreter that does nothing."""
    values = interleaved(
        4 * world.rounds,
        ours=lambda: 1000 * seconds(lambda: world.nuwa("--help")),
        theirs=lambda: 1000 * seconds(lambda: run([sys.executable, "-c", "pass"])),
    )
    yield Figure.of("`nuwa --help`", values, opponent="python -c pass", unit="ms", target=6)
