"""Archives of a volume by bin/archive_volumes and by borg alone; the memory that takes; a rehearsal."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.world import HERE, PREFIX, World
from nuwa.console import Plain
from nuwa.lab import lifecycle, use
from nuwa.lab.model import HostState, Lab

MEGABYTES = int(os.environ.get("NUWA_BENCH_MB", "1000"))
PROJECT = HERE.parent / "tests" / "e2e" / "tiny"
NAME = f"{PREFIX}-archive"
IMAGE = f"localhost/app/{NAME}:latest"
FOLDER, REPOSITORY = f"/srv/{NAME}", "/srv/borg"
PASSPHRASE = f"{FOLDER}/volumes/.nuwa/private/BORG_PASSPHRASE"
VOLUME = '\n[[volume]]\nname = "data"\npath = "/srv/data"\n'
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID={IMAGE}; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet; bin/archive_volumes --quiet --repository {REPOSITORY}"""
# Half of it can be compressed, half cannot, in files of 1 MB.
FILL = f"""set -e; rm -rf {FOLDER}/volumes/data/*; cd {FOLDER}/volumes/data
head -c {{half}}M /dev/urandom | split -a 4 -b 1M - random.
head -c {{half}}M /dev/urandom | base64 | head -c {{half}}M | split -a 4 -b 1M - text.
chown -R 10001:10001 .; sync"""
EMPTY = f"""set -e; rm -rf {REPOSITORY} /root/.cache/borg; mkdir -p {REPOSITORY}
export BORG_PASSCOMMAND='cat {PASSPHRASE}'
borg init --encryption repokey-blake2 {REPOSITORY}; sync"""
OURS = ("bin/archive_volumes", "--quiet")
THEIRS = ("borg", "create", "--numeric-ids", "--sparse", "--compression", "zstd,3", f"{REPOSITORY}::it")
PATHS = ("bin", "volumes/data", "volumes/secrets")
MEASURE = """import json, os, resource, subprocess, sys, time
os.chdir(sys.argv[1])
os.environ["BORG_PASSCOMMAND"] = "cat " + sys.argv[2]
began = time.perf_counter()
subprocess.run(sys.argv[3:], check=True, stdout=subprocess.DEVNULL)
took = time.perf_counter() - began
print(json.dumps([took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))"""
"""Prints the seconds of a command and the MiB of its largest process."""


@dataclass
class Archives:
    """A deployment with a volume on a lab host of its own."""

    world: World
    state: HostState

    def run(self, *words: str) -> str:
        return self.world.engine.exec(self.state.host.container, *words, timeout=1800).stdout

    def measure(self, *words: str) -> tuple[float, float]:
        took, peak = json.loads(self.run("python3", "-c", MEASURE, FOLDER, PASSPHRASE, *words))
        return took, peak

    def archive(self, *words: str) -> tuple[float, float]:
        """Into a new, empty repository."""
        self.run("bash", "-c", EMPTY)
        return self.measure(*words)

    def fill(self, megabytes: int) -> None:
        self.world.say(f"{megabytes} MB of data")
        self.run("bash", "-c", FILL.format(half=megabytes // 2))


def archive(world: World) -> Iterator[Figure]:
    """archives against bare borg: seconds, and memory as the data grows; a rehearsal's seconds"""
    lab = Lab("bencharchive")
    (state,) = lifecycle.reset(world.engine, Plain(), lab, 1)
    try:
        _build(world)
        use.copy(world.engine, Plain(), IMAGE, state.host)
        archives = Archives(world, state)
        archives.run("bash", "-c", INSTALL)
        yield from _figures(archives, world.rounds)
    finally:
        lifecycle.down(world.engine, Plain(), lab)


def _build(world: World) -> None:
    project = world.folder / "archive"
    shutil.copytree(PROJECT, project)
    manifest = project / "nuwa.toml"
    text = manifest.read_text(encoding="utf-8").replace('name = "tiny"', f'name = "{NAME}"')
    manifest.write_text(text + VOLUME, encoding="utf-8")
    world.nuwa("build", "--family", "debian", "--quiet", cwd=project)


def _figures(archives: Archives, rounds: int) -> Iterator[Figure]:
    archives.fill(MEGABYTES // 4)
    _, small = archives.archive(*OURS)
    archives.fill(MEGABYTES)
    peaks = []

    def ours() -> float:
        took, peak = archives.archive(*OURS)
        peaks.append(peak)
        return took

    taken = interleaved(rounds, ours=ours, theirs=lambda: archives.archive(*THEIRS, *PATHS)[0])
    # 0.95 of the throughput
    yield Figure.of(
        f"Archive of {MEGABYTES} MB, dumps and checks included",
        taken,
        opponent="borg create",
        unit="s",
        target=1.053,
        decimals=2,
    )
    yield Figure(
        title=f"Memory for an archive of {MEGABYTES} MB, against {MEGABYTES // 4} MB",
        ours=[max(peaks)],
        theirs=[small],
        opponent=f"{MEGABYTES // 4} MB",
        unit="MiB",
        target=1.2,
    )
    archives.archive(*OURS)
    yield Figure(
        title=f"Rehearsal of an archive of {MEGABYTES} MB, until healthy",
        ours=[archives.measure("bin/archive_volumes", "--rehearse", "--quiet")[0]],
        unit="s",
        target=60,
        decimals=1,
    )
