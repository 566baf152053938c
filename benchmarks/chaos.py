"""Deploys in a row under load, with a kill at a random moment of each; then the documented recovery."""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.report import Sample
from benchmarks.load.run import Plan
from benchmarks.site import FOLDER, PROJECT, Site, installed
from benchmarks.world import World
from nuwa.console import Plain
from nuwa.lab import agent as lab_agent
from nuwa.lab.model import Lab

DEPLOYS = int(os.environ.get("NUWA_BENCH_CHAOS", "200"))
SEED = int(os.environ.get("NUWA_BENCH_SEED", "0")) or secrets.randbelow(2**31)
LIMIT_S = int(os.environ.get("NUWA_BENCH_MINUTES", "1440")) * 60
"""No more deploys are started after this many seconds."""
BACK_S = 180
"""Maximum seconds until the site answers after the recovery, on a slow machine."""
CONNECTIONS = 3

KILLS = {
    "script": "kill -9 -- -$(cat /tmp/deploy.pid)",
    "shell": "kill -9 $(cat /tmp/deploy.pid)",
    "podman": "kill -9 $(pgrep -x podman | shuf -n 1)",
    "conmon": "kill -9 $(podman ps -q --filter name=nuwa-tiny | shuf -n 1 | "
    "xargs -r podman inspect --format '{{.State.ConmonPid}}')",
    "nginx": "systemctl kill --signal=KILL nginx",
    "journald": "systemctl kill --signal=KILL systemd-journald",
    "agent": "systemctl kill --signal=KILL nuwa-ci",
    "nothing": "true",
}
"""What is killed, by a shell command on the host; a command fails if it finds nothing to kill."""
SERVERS = {"conmon": f"nuwa-tiny-$(cat {FOLDER}/volumes/.nuwa/slot)", "nginx": "nginx"}
"""Kills that stop a server itself, with its unit: requests in flight are lost."""
OWN_START = """unit={unit}; systemctl stop $unit; begin=$(date +%s%N); systemctl start --no-block $unit
until curl --silent --insecure --fail --output /dev/null --resolve {domain}:443:127.0.0.1 https://{domain}/
do sleep 0.01; done; echo $((($(date +%s%N) - begin) / 1000000))"""
"""Milliseconds from the start of that server to its first page."""
BEGIN = f"""cd {FOLDER}
setsid bash -c 'echo $$ >/tmp/deploy.pid; exec bin/deploy --quiet --watch 3 "$0"' {{image}} \
</dev/null >/tmp/deploy.log 2>&1 & sleep 0.1"""
ENDED = f"flock --timeout 300 {FOLDER}/volumes/.nuwa/lock true; cat /tmp/deploy.log; : >/tmp/deploy.log"
STATE = f"""cd {FOLDER}/volumes/.nuwa; slot=$(cat slot)
echo "slot $slot"
echo "link $(readlink /run/nuwa-app/tiny/current)"
units='nuwa-tiny-*.service'
echo "active $(systemctl list-units --plain --no-legend --state=active "$units" | cut -d ' ' -f 1 | xargs)"
echo "enabled $(systemctl list-unit-files --no-legend --state=enabled "$units" | cut -d ' ' -f 1 | xargs)"
echo "files $(cd /etc/systemd/system; echo nuwa-tiny-*.service)"
echo "containers $(podman ps --all --format '{{{{.Names}}}}' | grep '^nuwa-tiny' | xargs)"
echo "release $(cat release.$slot)"
echo "scripts $(cat ../../bin/.image)"
echo "unfinished $(ls -d deploy change.* hook.running 2>/dev/null | xargs)"
echo "monit $(grep -c "port $(cat port.$slot) " /etc/monit/conf.d/nuwa-tiny)" """


@dataclass
class Round:
    """One deploy: what was killed how many seconds after its start, and the outcome."""

    kind: str
    after: float
    begin: float
    end: float = 0.0
    wrong: list[str] = field(default_factory=list)
    own_start: float = 0.0
    """Seconds that the killed server takes to start, measured afterwards; 0 if no server was killed."""

    def lost(self, samples: Sequence[Sample]) -> list[Sample]:
        return [s for s in samples if s.outcome and self.begin <= s.end < self.end]

    def outage(self, samples: Sequence[Sample]) -> float:
        """Seconds from the first lost request to the end of the last one."""
        lost = self.lost(samples)
        return max(s.end for s in lost) - min(s.start for s in lost) if lost else 0.0


def chaos(world: World) -> Iterator[Figure]:
    """Deploys with a kill at a random moment: requests lost by kind of kill, wrong outcomes."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    world.say(f"seed {SEED}: NUWA_BENCH_SEED={SEED} repeats the order of kills")
    with installed(world, Lab("chaos"), _project(world)) as site:
        lab_agent.install(world.engine, Plain(), site.state.host)
        names = [site.release(f"chaos-{letter}") for letter in "abc"]
        plans = [Plan(site.target(body), connections=CONNECTIONS, pause=0.1) for body in (b"", b"x" * 2000)]
        with load(*plans, before=3, after=3) as samples:
            rounds = list(_rounds(site, names, chance))
    for done in rounds:
        for sample in done.lost(samples):
            world.say(
                f"{done.kind} at {done.after:.1f} s: {sample.outcome} after {sample.end - done.begin:.1f} s"
            )
    yield from _figures(samples, rounds)


def _project(world: World) -> Path:
    """The tiny site with a slow release hook."""
    folder = world.folder / "chaos"
    shutil.copytree(PROJECT, folder)
    with (folder / "nuwa.toml").open("a") as manifest:
        manifest.write('\n[hooks]\nrelease = "sleep 2"\n')
    return folder


def _rounds(site: Site, images: Sequence[str], chance: random.Random) -> Iterator[Round]:
    took = 20.0
    limit = time.monotonic() + LIMIT_S
    for number in range(1, DEPLOYS + 1):
        if time.monotonic() > limit:
            return
        kind = chance.choice(list(KILLS))
        done = Round(kind, chance.random(), time.time())
        done.after *= took
        site.sh(BEGIN.format(image=images[number % len(images)]))
        time.sleep(done.after)
        hit = site.sh(KILLS[kind], check=False).code == 0
        site.sh(ENDED, check=False)
        if not hit:
            done.kind = "nothing"
        if done.kind == "nothing":
            took = (took + time.time() - done.begin) / 2
        done.wrong = list(_recover(site))
        done.end = time.time()
        if done.kind in SERVERS:
            start = OWN_START.format(unit=SERVERS[done.kind], domain=site.domain)
            done.own_start = int(site.sh(start).stdout) / 1000
        site.world.say(
            f"deploy {number}: {kind if hit else kind + ' (there was none)'} after {done.after:.1f} s, "
            f"{done.end - done.begin:.0f} s in all{': WRONG ' + '; '.join(done.wrong) if done.wrong else ''}"
        )
        yield done


def _recover(site: Site) -> Iterator[str]:
    """Do what the guide says; then list everything that is not as it should be."""
    resumed = site.bin("deploy --resume --yes", check=False)
    if resumed.code:
        yield f"--resume ended with {resumed.code}: {resumed.stderr.strip()[-300:]}"
    end = time.monotonic() + BACK_S
    while (asked := site.bin("status --json", check=False)).code and time.monotonic() < end:
        time.sleep(1)
    if asked.code:
        yield f"nobody serves: {json.loads(asked.stdout or '{}').get('unit')}"
    found = dict(line.partition(" ")[::2] for line in site.sh(STATE).stdout.splitlines())
    slot = found["slot"]
    wanted = {
        "link": f"{slot}/server.sock",
        "active": f"nuwa-tiny-{slot}.service",
        "enabled": f"nuwa-tiny-{slot}.service",
        "files": f"nuwa-tiny-{slot}.service",
        "containers": f"nuwa-tiny-{slot}",
        "scripts": found["release"],
        "unfinished": "",
    }
    for name, value in wanted.items():
        if found[name] != value:
            yield f"{name} is {found[name]!r}, not {value!r}"
    if found["monit"] == "0":
        yield "monit watches another port"


def _figures(samples: Sequence[Sample], rounds: Sequence[Round]) -> Iterator[Figure]:
    wrong = sum(1 for done in rounds if done.wrong)
    title = (
        f"Wrong ends of {len(rounds)} deploys with something killed (seed {SEED}, {len(samples)} requests)"
    )
    yield Figure(title=title, ours=[wrong], unit="", target=0)
    for kind in KILLS:
        lost = [len(done.lost(samples)) for done in rounds if done.kind == kind]
        if lost:
            in_flight = 2 * CONNECTIONS if kind in SERVERS else 0
            title = f"Requests lost in all of {len(lost)} deploys, killed: {kind}"
            yield Figure(title=title, ours=[sum(lost)], unit="", target=in_flight * len(lost))
        down = [done for done in rounds if done.kind == kind and done.own_start and done.lost(samples)]
        if down:
            yield Figure(
                title=f"Without an answer after a kill of {kind}, against its own start",
                ours=[done.outage(samples) for done in down],
                theirs=[done.own_start for done in down],
                opponent="systemctl start",
                unit="s",
                target=1.2,
                decimals=2,
            )
