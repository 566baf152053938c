"""A deployment with a volume full of data, half of it compressible, in files of 1 MB."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.lab_hosts import lab_hosts
from benchmarks.site import PROJECT
from benchmarks.world import PREFIX, World
from nuwa.console import Plain
from nuwa.lab import access
from nuwa.lab.model import HostState

MEGABYTES = int(os.environ.get("NUWA_BENCH_MB", "1000"))
LARGE_MEGABYTES = 10 * MEGABYTES
NAME = f"{PREFIX}-filled"
IMAGE = f"localhost/app/{NAME}:latest"
FOLDER = f"/srv/{NAME}"
VOLUME = '\n[[volume]]\nname = "data"\npath = "/srv/data"\n'
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID={IMAGE}; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet"""
FILL = f"""set -e; rm -rf {FOLDER}/volumes/data/*; cd {FOLDER}/volumes/data
head -c {{half}}M /dev/urandom | split -a 4 -b 1M - random.
head -c {{half}}M /dev/urandom | base64 | head -c {{half}}M | split -a 4 -b 1M - text.
chown -R 10001:10001 .; sync"""
MEASURE = """import json, os, resource, subprocess, sys, time
os.chdir(sys.argv[1])
began = time.perf_counter()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
took, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))"""


class Measured(NamedTuple):
    """A command: its wall-clock and CPU seconds, and the MiB of its largest process."""

    took: float
    cpu: float
    peak: float


@dataclass
class Filled:
    """The deployment on a lab host."""

    world: World
    state: HostState

    def sh(self, script: str) -> str:
        container = self.state.host.container
        return self.world.engine.exec(container, "bash", "-c", script, timeout=3600).stdout

    def measure(self, *words: str) -> Measured:
        """Measure a command in the deployment's folder."""
        argv = ("python3", "-c", MEASURE, FOLDER, *words)
        said = self.world.engine.exec(self.state.host.container, *argv, timeout=3600).stdout
        return Measured(*json.loads(said))

    def fill(self, megabytes: int) -> None:
        self.world.say(f"{megabytes} MB of data")
        self.sh(FILL.format(half=megabytes // 2))


def install(world: World, state: HostState) -> Filled:
    """Build the app, install it on a host, and run it there."""
    project = world.folder / "filled"
    if not project.exists():
        shutil.copytree(PROJECT, project)
        manifest = project / "nuwa.toml"
        text = manifest.read_text(encoding="utf-8").replace('name = "tiny"', f'name = "{NAME}"')
        manifest.write_text(text + VOLUME, encoding="utf-8")
        world.nuwa("build", "--family", "debian", "--quiet", cwd=project)
    access.copy(world.engine, Plain(), IMAGE, state.host)
    filled = Filled(world, state)
    filled.sh(INSTALL)
    return filled


@contextmanager
def installed(world: World, lab: str, first: str, *programs: Path) -> Iterator[Filled]:
    """The deployment on a host of its own, which is removed after the block.

    Args:
        lab: the lab's name.
        first: a script that is run there before any measurement.
        programs: programs of this machine to copy to the host.
    """
    with lab_hosts(world.engine, lab) as (state,):
        for program in programs:
            world.engine.podman("cp", program, f"{state.host.container}:/usr/local/bin/{program.name}")
        filled = install(world, state)
        filled.sh(first)
        yield filled
