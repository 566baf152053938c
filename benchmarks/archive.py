"""Archives of a volume by bin/archive_volumes and by borg alone; the memory that takes; a rehearsal.

What is not in proportion to the data (copies of databases, the check, the removal of old archives) takes
about a second, whatever the size. So throughput is held to its target with much data.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.filled import FOLDER, LARGE_MEGABYTES, MEGABYTES, Filled, install
from benchmarks.measure import interleaved
from benchmarks.world import World
from nuwa.console import Plain
from nuwa.lab import lifecycle
from nuwa.lab.model import Lab

REPOSITORY = "/srv/borg"
PASSCOMMAND = f"BORG_PASSCOMMAND=cat {FOLDER}/volumes/.nuwa/private/BORG_PASSPHRASE"
FIRST = f"cd {FOLDER} && bin/archive_volumes --quiet --repository {REPOSITORY}"
EMPTY = f"""set -e; rm -rf {REPOSITORY} /root/.cache/borg; mkdir -p {REPOSITORY}
env '{PASSCOMMAND}' borg init --encryption repokey-blake2 {REPOSITORY}; sync"""
OURS = ("bin/archive_volumes", "--quiet")
THEIRS = (
    *("env", PASSCOMMAND, "borg", "create", "--numeric-ids", "--sparse", "--compression", "zstd,3"),
    *(f"{REPOSITORY}::it", "bin", "volumes/data", "volumes/secrets"),
)


def archive(world: World) -> Iterator[Figure]:
    """archives against bare borg: seconds, and memory as the data grows; a rehearsal's seconds"""
    lab = Lab("bencharchive")
    (state,) = lifecycle.reset(world.engine, Plain(), lab, 1)
    try:
        filled = install(world, state)
        filled.sh(FIRST)
        yield from _figures(filled, world.rounds)
    finally:
        lifecycle.down(world.engine, Plain(), lab)


def _archive(filled: Filled, *words: str) -> tuple[float, float]:
    """Into a new, empty repository."""
    filled.sh(EMPTY)
    return filled.measure(*words)


def _figures(filled: Filled, rounds: int) -> Iterator[Figure]:
    peaks: dict[int, list[float]] = {MEGABYTES: [], LARGE_MEGABYTES: []}
    # 0.95 of the throughput
    for megabytes, target in ((MEGABYTES, 1.25), (LARGE_MEGABYTES, 1.053)):
        filled.fill(megabytes)

        def ours(peaks: list[float] = peaks[megabytes]) -> float:
            took, peak = _archive(filled, *OURS)
            peaks.append(peak)
            return took

        taken = interleaved(rounds, theirs=lambda: _archive(filled, *THEIRS)[0], ours=ours)
        yield Figure.of(
            f"Archive of {megabytes} MB, dumps and checks included",
            taken,
            opponent="borg create",
            unit="s",
            target=target,
            decimals=2,
        )
    yield Figure(
        title=f"Memory for an archive of {LARGE_MEGABYTES} MB, against {MEGABYTES} MB",
        ours=[max(peaks[LARGE_MEGABYTES])],
        theirs=[max(peaks[MEGABYTES])],
        opponent=f"{MEGABYTES} MB",
        unit="MiB",
        target=1.2,
    )
    filled.fill(MEGABYTES)
    _archive(filled, *OURS)
    yield Figure(
        title=f"Rehearsal of an archive of {MEGABYTES} MB, until healthy",
        ours=[filled.measure("bin/archive_volumes", "--rehearse", "--quiet")[0]],
        unit="s",
        target=60,
        decimals=1,
    )
