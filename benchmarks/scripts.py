"""The scripts of `bin/` against those of an earlier commit: both are installed here and measured in turn."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.run import Plan
from benchmarks.load.target import Target
from benchmarks.measure import interleaved, seconds
from benchmarks.site import PROJECT, RELEASE
from benchmarks.world import FAMILY, HERE, PREFIX, World
from nuwa.console import Plain
from nuwa.lab import access, lifecycle
from nuwa.lab.model import HTTPS, HostState, Lab
from nuwa.process import run

BEFORE = os.environ.get("NUWA_BENCH_BEFORE", "962331f")
"""The commit to compare with; `git worktree` must be able to check it out."""
INSTALL = """set -e; mkdir -p {folder}; cd {folder}
export BID={first}; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet; bin/install --quiet {app}.localhost"""
STANDBY = "standby = 600\n"
SHIMS = r"""mkdir -p /root/shims; cd /root/shims
for file in /usr/bin/* /usr/sbin/*; do
  name=${file##*/}
  [[ $name == @(bash|sh|dash|env|'[') || -e $name || ! -x $file ]] ||
    printf '#!/bin/sh\necho "%s" >>/root/programs\nexec "%s" "$@"\n' "$name" "$file" >"$name"
done
chmod +x -- *"""
"""Creates wrappers that record each call of a program, for processes with their folder first in PATH."""


@dataclass
class Side:
    """One app on the host, built by one commit, with its two releases."""

    world: World
    state: HostState
    app: str
    to_traffic: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def sh(self, script: str) -> str:
        folder = f"mkdir -p /srv/{self.app}; cd /srv/{self.app}; "
        container = self.state.host.container
        return self.world.engine.exec(container, "bash", "-c", folder + script, timeout=600).stdout

    def timed(self, script: str) -> float:
        return seconds(lambda: self.sh(script))

    def switch(self, command: str) -> None:
        """Switch the release under load, and record in `to_traffic` when the previous one last answered."""
        port = self.state.ports[HTTPS]
        target = Target(f"https://{self.app}.localhost:{port}/", address=("127.0.0.1", port))
        with load(Plan(target, connections=2, pause=0.02), before=0.5, after=1.0) as samples:
            begin = time.time()
            self.sh(command)
            self.whole.append(time.time() - begin)
        failed = [sample.outcome for sample in samples if sample.outcome]
        assert not failed, f"{command} lost {len(failed)} requests: {failed[:3]}"
        former = samples[0].body
        self.to_traffic.append(max(sample.start for sample in samples if sample.body == former) - begin)

    def programs(self, command: str) -> tuple[int, int]:
        """How many programs a command starts, and how many of these are podman."""
        self.sh(f"rm -f /root/programs; PATH=/root/shims:$PATH {command} >/root/printed")
        names = self.sh("cat /root/programs").split()
        return len(names), names.count("podman")


def scripts(world: World) -> Iterator[Figure]:
    """Rollback, deploy, run, install and status against an earlier commit: seconds, and programs started."""
    (state,) = lifecycle.reset(world.engine, Plain(), Lab("benchscripts"), 1)
    checkout = world.folder / "before"
    run(["git", "worktree", "add", "--quiet", "--detach", checkout, BEFORE], cwd=HERE.parent)
    try:
        # Both use the earlier commit's project: it has only keys that commit knows.
        project = checkout / PROJECT.relative_to(HERE.parent)
        now = _installed(world, state, f"{PREFIX}-now", HERE.parent, project)
        before = _installed(world, state, f"{PREFIX}-before", checkout, project)
        yield from _measured(world, now, before)
        waiting = _installed(world, state, f"{PREFIX}-waiting", HERE.parent, project, STANDBY)
        yield _woken(world, waiting, before)
    finally:
        run(["git", "worktree", "remove", "--force", checkout], cwd=HERE.parent, check=False)
        lifecycle.down(world.engine, Plain(), Lab("benchscripts"))


def _installed(world: World, state: HostState, app: str, code: Path, source: Path, deploy: str = "") -> Side:
    """Build an app and install it; `deploy` is the content of that section in its manifest."""
    world.say(f"build and install {app}")
    project, image = world.folder / app, f"localhost/app/{app}"
    shutil.copytree(source, project)
    manifest = project / "nuwa.toml"
    text = re.sub(r'(?m)^name = ".*"', f'name = "{app}"', manifest.read_text(), count=1)
    manifest.write_text(text.replace("[deploy]\n", f"[deploy]\n{deploy}", 1))
    words = ["-m", "nuwa", "build", str(project), "--family", FAMILY, "--quiet"]
    run([sys.executable, *words], cwd=code, env={"PYTHONPATH": str(code)})
    access.copy(world.engine, Plain(), f"{image}:latest", state.host)
    side = Side(world, state, app)
    for name in ("first", "second"):
        side.sh(RELEASE.format(name=name, app=image, first=f"{image}:latest"))
    side.sh(INSTALL.format(folder=f"/srv/{app}", first=f"{image}:first", app=app))
    return side


def _measured(world: World, now: Side, before: Side) -> Iterator[Figure]:
    sides = (now, before)
    starts = interleaved(world.rounds, ours=lambda: _start(now), theirs=lambda: _start(before))
    for side in sides:
        side.switch(f"bin/deploy --watch 0 localhost/app/{side.app}:second")
    beyond = [
        side.to_traffic.pop() - statistics.median(starts[name])
        for name, side in zip(starts, sides, strict=True)
    ]
    yield _figure("bin/deploy to all traffic, beyond the start of the app", beyond[:1], beyond[1:], 0.3)
    for side in sides:
        side.whole.clear()
    for _ in range(world.rounds):
        for side in sides:
            side.switch("bin/deploy --rollback --watch 0")
    yield _figure("bin/deploy --rollback, to all traffic", now.to_traffic, before.to_traffic, 0.25)
    yield _figure("bin/deploy --rollback, the whole command", now.whole, before.whole, 0.35)
    for command, target in (("bin/run", 0.4), ("bin/install", 0.4), ("bin/status", 0.7)):
        values = interleaved(
            world.rounds, ours=partial(now.timed, command), theirs=partial(before.timed, command)
        )
        yield _figure(f"{command} with nothing to change", values["ours"], values["theirs"], target)
    now.sh(SHIMS)
    for command in ("bin/deploy --rollback --watch 0", "bin/run", "bin/install"):
        ours, theirs = now.programs(command), before.programs(command)
        for what, own, other in zip(("programs", "of them podman"), ours, theirs, strict=True):
            title = f"{command}: {what}"
            yield Figure(title=title, ours=[own], theirs=[other], opponent=BEFORE, unit="", target=0.4)


def _woken(world: World, now: Side, before: Side) -> Figure:
    """A rollback to a release in standby, against the earlier commit's rollbacks, measured before."""
    for _ in range(world.rounds):
        now.sh(
            f"bin/deploy --watch 0 localhost/app/{now.app}:second; test -s /run/nuwa-app/{now.app}/standby"
        )
        now.switch("bin/deploy --rollback --watch 0")
    title = "bin/deploy --rollback to a release that stands by, to all traffic"
    return _figure(title, now.to_traffic, before.to_traffic, 0.06)


def _start(side: Side) -> float:
    """How long the current release takes to start, until it answers."""
    return side.timed(f'systemctl restart "nuwa-{side.app}-$(cat volumes/.nuwa/slot)"')


def _figure(title: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    return Figure(title=title, ours=ours, theirs=theirs, opponent=BEFORE, unit="s", target=target, decimals=2)
