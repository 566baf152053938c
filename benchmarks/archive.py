"""Archives of a volume by bin/archive_volumes and by plain borg: time and memory; and a rehearsal.

The parts that do not grow with the data (copies of databases, the check, the removal of old archives) take
about a second. So the target for throughput applies to a large volume.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.filled import FOLDER, LARGE_MEGABYTES, MEGABYTES, Filled, Measured, installed
from benchmarks.measure import interleaved
from benchmarks.world import World

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
    """Archives against plain borg: seconds, and memory as the data grows; a rehearsal's seconds."""
    with installed(world, "bencharchive", FIRST) as filled:
        yield from _figures(filled, world.rounds)


def _archive(filled: Filled, *words: str) -> Measured:
    """Archive into a new, empty repository."""
    filled.sh(EMPTY)
    return filled.measure(*words)


def _figures(filled: Filled, rounds: int) -> Iterator[Figure]:
    peaks: dict[int, list[float]] = {MEGABYTES: [], LARGE_MEGABYTES: []}
    # 0.95 of the throughput
    for megabytes, target in ((MEGABYTES, 1.25), (LARGE_MEGABYTES, 1.053)):
        filled.fill(megabytes)
        made: dict[str, list[Measured]] = {"ours": [], "theirs": []}

        def measure(side: str, words: tuple[str, ...], made: dict[str, list[Measured]] = made) -> float:
            made[side].append(_archive(filled, *words))
            return made[side][-1].took

        taken = interleaved(
            rounds, theirs=lambda: measure("theirs", THEIRS), ours=lambda: measure("ours", OURS)
        )
        peaks[megabytes] = [each.peak for each in made["ours"]]
        title = f"Archive of {megabytes} MB, dumps and checks included"
        yield Figure.of(title, taken, opponent="borg create", unit="s", target=target, decimals=2)
        # Disk speed varies over minutes; CPU time is a steadier measure of the work.
        cpu = {side: [each.cpu for each in values] for side, values in made.items()}
        yield Figure.of(
            f"{title}: CPU time", cpu, opponent="borg create", unit="s", target=target, decimals=2
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
        ours=[filled.measure("bin/archive_volumes", "--rehearse", "--quiet").took],
        unit="s",
        target=60,
        decimals=1,
    )
