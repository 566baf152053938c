"""Deploys in a row under constant load, every tenth with a release that does not start; and a reboot."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.report import Sample, percentile
from benchmarks.load.run import Plan, run
from benchmarks.site import Site, installed
from benchmarks.world import World
from nuwa.lab.model import Lab

DEPLOYS = int(os.environ.get("NUWA_BENCH_DEPLOYS", "100"))
BROKEN_EVERY = 10


@dataclass(frozen=True)
class Deploy:
    """One deploy: its release, when it began and ended (Unix time), and whether it was meant to fail."""

    release: str
    begin: float
    end: float
    broken: bool


def deploys(world: World) -> Iterator[Figure]:
    """Deploys under load: lost requests, delays, seconds to the new release; reboot to first answer."""
    with installed(world, Lab("bench")) as site:
        plans = [Plan(site.target(body), connections=3, pause=0.03) for body in (b"", b"x" * 2000)]
        # First, requests without a deploy, for comparison. No request is retried.
        with load(*plans, before=15, after=5) as samples:
            done = []
            for number in range(1, DEPLOYS + 1):
                done.append(_deploy(site, number))
                world.say(f"deploy {number}: {done[-1].end - done[-1].begin:.1f} s")
        yield from _figures(samples, done)
        yield _reboot(site)


def _deploy(site: Site, number: int) -> Deploy:
    broken = number % BROKEN_EVERY == 0
    name = f"{'broken' if broken else 'good'}-{number}"
    image = site.release(name)
    begin = time.time()
    code = site.bin(f"deploy --quiet --watch 0 {image}", check=False).code
    assert code == (1 if broken else 0), f"deploy {number} of {name} ended with {code}"
    if broken:
        site.sh(f"podman rmi --force {image}", check=False)
    return Deploy(name, begin, time.time(), broken)


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
    """The time from a reboot of the host to the site's first 200."""
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
