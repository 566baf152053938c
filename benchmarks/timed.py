"""Scheduled jobs and an exclusive process during repeated deploys."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.site import RELEASE
from benchmarks.world import HERE, World
from nuwa.console import Plain
from nuwa.lab import access, lifecycle
from nuwa.lab.model import Lab

PROJECT = HERE.parent / "tests" / "e2e" / "timed"
FOLDER, APP = "/srv/timed", "localhost/app/timed"
DEPLOYS = int(os.environ.get("NUWA_BENCH_DEPLOYS", "100"))
LIMIT_S = int(os.environ.get("NUWA_BENCH_MINUTES", "1440")) * 60
"""No more deploys are started after this many seconds."""
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID={APP}:latest; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet; bin/install --quiet timed.localhost"""


def cron(world: World) -> Iterator[Figure]:
    """Consecutive deploys: minutes in which a job ran twice or not at all, over the whole time."""
    lab = Lab("benchcron")
    (state,) = lifecycle.reset(world.engine, Plain(), lab, 1)

    def sh(script: str) -> str:
        done = world.engine.exec(state.host.container, "bash", "-c", script, timeout=600)
        return done.stdout

    try:
        world.nuwa("build", "--family", "debian", "--quiet", cwd=PROJECT)
        access.copy(world.engine, Plain(), f"{APP}:latest", state.host)
        sh(INSTALL)
        for name in ("one", "two"):
            sh(RELEASE.format(name=name, app=APP, first=f"{APP}:latest"))
        begun = int(time.time())
        limit, number = time.monotonic() + LIMIT_S, 0
        while number < DEPLOYS and time.monotonic() < limit:
            began = time.monotonic()
            sh(f"cd {FOLDER} && bin/deploy --quiet {APP}:{('one', 'two')[number % 2]}")
            number += 1
            world.say(f"deploy {number} of {DEPLOYS}: {time.monotonic() - began:.1f} s")
        ended = int(time.time()) - 5
        ran = Counter(
            int(line.split()[0]) // 60 for line in sh(f"cat {FOLDER}/volumes/count/minutes").splitlines()
        )
        clock = sh(f"cat {FOLDER}/volumes/count/clock").splitlines()
    finally:
        lifecycle.down(world.engine, Plain(), lab)
    minutes = range(begun // 60 + 1, ended // 60)
    title = f"in {number} deploys, {len(minutes)} minutes"
    doubled = sum(ran[minute] > 1 for minute in minutes)
    missed = sum(ran[minute] == 0 for minute in minutes)
    twice = sum(line.startswith("double") for line in clock)
    yield Figure(title=f"Minutes in which a job ran twice, {title}", ours=[doubled], unit="", target=0)
    yield Figure(title=f"Minutes in which a job did not run, {title}", ours=[missed], unit="", target=0)
    yield Figure(title=f"Exclusive processes that ran twice, {title}", ours=[twice], unit="", target=0)
