"""Deploys in a row under constant load, every tenth of a release that does not start; and a reboot."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.figure import Figure
from benchmarks.load.report import Sample, percentile
from benchmarks.load.run import Plan, run
from benchmarks.load.target import Target
from benchmarks.world import HERE, World
from nuwa.console import Plain
from nuwa.lab import lifecycle, use
from nuwa.lab.model import HTTPS, HostState, Lab

DEPLOYS = int(os.environ.get("NUWA_BENCH_DEPLOYS", "100"))
BROKEN_EVERY = 10
SITE = HERE.parent / "tests" / "e2e" / "tiny"
FOLDER, DOMAIN = "/srv/tiny", "tiny.localhost"
IMAGE = "localhost/app/tiny"
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID={IMAGE}:latest; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet; bin/install --quiet {DOMAIN}
# What the releases are made from is none itself, or it would be removed as an old one.
printf 'FROM {IMAGE}:latest\\nLABEL base=1\\n' |
podman build --quiet --format docker --pull=never --tag {IMAGE}:base --file - ."""
RELEASE = f"""set -e; folder=$(mktemp -d); cd $folder; echo {{name}} >release.txt
printf 'FROM {IMAGE}:base\\nCOPY release.txt /srv/app/release.txt\\n' |
podman build --quiet --format docker --pull=never --tag {IMAGE}:{{name}} --file - . """


@dataclass(frozen=True)
class Deploy:
    """One deploy: its release, when it began and ended (Unix time), and whether it was to fail."""

    release: str
    begin: float
    end: float
    broken: bool


@dataclass
class Site:
    """The tiny site on a lab host of its own."""

    world: World
    state: HostState

    def sh(self, script: str, *, check: bool = True) -> int:
        container = self.state.host.container
        return self.world.engine.exec(container, "bash", "-c", script, check=check, timeout=600).code

    def deploy(self, number: int) -> Deploy:
        broken = number % BROKEN_EVERY == 0
        name = f"{'broken' if broken else 'good'}-{number}"
        self.sh(RELEASE.format(name=name))
        begin = time.time()
        code = self.sh(f"cd {FOLDER} && bin/deploy --quiet --watch 0 {IMAGE}:{name}", check=False)
        assert code == (1 if broken else 0), f"deploy {number} of {name} ended with {code}"
        self.sh(f"podman rmi --force {IMAGE}:{name}" if broken else "true", check=False)
        return Deploy(name, begin, time.time(), broken)

    def target(self, body: bytes = b"") -> Target:
        port = self.state.ports[HTTPS]
        method = "POST" if body else "GET"
        return Target(f"https://{DOMAIN}:{port}/", address=("127.0.0.1", port), method=method, body=body)


def deploys(world: World) -> Iterator[Figure]:
    """deploys under load: lost requests, delays, seconds to the new release; reboot to first answer"""
    lab = Lab("bench")
    (state,) = lifecycle.reset(world.engine, Plain(), lab, 1)
    try:
        world.nuwa("build", "--family", "debian", "--quiet", cwd=SITE)
        use.copy(world.engine, Plain(), f"{IMAGE}:latest", state.host)
        site = Site(world, state)
        site.sh(INSTALL)
        with load(site) as samples:
            done = []
            for number in range(1, DEPLOYS + 1):
                done.append(site.deploy(number))
                world.say(f"deploy {number}: {done[-1].end - done[-1].begin:.1f} s")
        yield from _figures(samples, done)
        yield _reboot(site)
    finally:
        lifecycle.down(world.engine, Plain(), lab)


@contextmanager
def load(site: Site) -> Iterator[list[Sample]]:
    """POST and GET over kept connections, none tried again; the samples once the block has ended."""
    samples: list[Sample] = []
    ended = threading.Event()

    async def work() -> None:
        stop = asyncio.Event()
        plans = [Plan(site.target(body), connections=3, pause=0.03) for body in (b"", b"x" * 2000)]
        tasks = [asyncio.create_task(run(plan, stop)) for plan in plans]
        while not ended.is_set():
            await asyncio.sleep(0.05)
        stop.set()
        for task in tasks:
            samples.extend(await task)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        # Requests without a deploy, to compare with.
        time.sleep(15)
        yield samples
        time.sleep(5)
    finally:
        ended.set()
        thread.join()


def _figures(samples: Sequence[Sample], done: Sequence[Deploy]) -> Iterator[Figure]:
    failed = [sample for sample in samples if sample.outcome]
    title = f"Requests lost in {len(done)} deploys, every tenth broken (of {len(samples)})"
    yield Figure(title=title, ours=[len(failed)], unit="", target=0)
    inside = [s.seconds * 1000 for s in samples if any(d.begin <= s.start <= d.end for d in done)]
    outside = [s.seconds * 1000 for s in samples if not any(d.begin <= s.start <= d.end for d in done)]
    for share in (0.50, 0.99):
        yield Figure(
            title=f"p{share * 100:.0f} of a request in a deploy, against outside",
            ours=[percentile(inside, share)],
            theirs=[percentile(outside, share)],
            opponent="outside",
            unit="ms",
            target=20,
        )
    last = {s.body: 0.0 for s in samples}
    for sample in samples:
        last[sample.body] = max(last[sample.body], sample.start)
    good = [deploy for deploy in done if not deploy.broken]
    before = ["1", *(deploy.release for deploy in good)]
    taken = [
        last[former] - deploy.begin for former, deploy in zip(before, good, strict=False) if former in last
    ]
    yield Figure(
        title="From bin/deploy to all requests on the new release",
        ours=taken,
        unit="s",
        target=60,
        decimals=1,
    )


def _reboot(site: Site) -> Figure:
    """A restart of the host, timed until the site's first 200."""
    site.world.engine.podman("restart", site.state.host.container)
    began = time.perf_counter()
    while not _answers(site):
        assert time.perf_counter() - began < 300, "the site does not come back"
        time.sleep(0.1)
    took = time.perf_counter() - began
    return Figure(
        title="From a restart of the host to the first 200", ours=[took], unit="s", target=60, decimals=1
    )


def _answers(site: Site) -> bool:
    async def once() -> bool:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, stop.set)
        return any(not sample.outcome for sample in await run(Plan(site.target(), connections=1), stop))

    return asyncio.run(once())
