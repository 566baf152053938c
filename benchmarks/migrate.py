"""Moves of a deployment: into a file, to another host, and the downtime at the cutover."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.filled import FOLDER, MEGABYTES, Filled, install
from benchmarks.lab_hosts import lab_hosts
from benchmarks.load.background import load
from benchmarks.load.report import Sample
from benchmarks.load.run import Plan
from benchmarks.load.target import Target
from benchmarks.measure import interleaved
from benchmarks.world import World
from nuwa.lab.model import HTTPS, HostState

DOMAIN = "filled.localhost"
THERE = "root@host2"
PACKED = ("rm", "-f", "/srv/packed")
# Like bin/migrate: plain tar has to preserve owners, attributes and holes too.
TAR = "tar --create --format=pax --numeric-owner --acls --xattrs --xattrs-include='*' --sparse bin volumes"
TO_FILE = f"""find bin volumes -type f -print0 | xargs -0 sha256sum >/srv/packed.sums
{TAR} -C /srv packed.sums | zstd -T0 -3 -q >/srv/packed && sync /srv/packed"""
TO_HOST = f"""ssh {THERE} 'rm -rf /srv/bare; mkdir /srv/bare'
{TAR} | zstd -T0 -1 -q |
  ssh {THERE} 'zstd -dq | tar -xp --numeric-owner --acls --xattrs -C /srv/bare && sync -f /srv/bare'"""
# Each line with its time of arrival.
COPY = f"bin/migrate {THERE} | while IFS= read -r line; do printf '%s %s\\n' $EPOCHREALTIME \"$line\"; done"
FORGET = f"""rm -rf {FOLDER}/volumes/.nuwa/move*
ssh {THERE} 'cd {FOLDER} && bin/kill --yes --quiet; cd /; rm -rf {FOLDER}'"""
CHANGE = f"""cd {FOLDER}/volumes/data
for name in $(ls | shuf -n {max(1, MEGABYTES // 100)}); do head -c 1M /dev/urandom >$name; done"""


def migrate(world: World) -> Iterator[Figure]:
    """Moves against plain tar and ssh: seconds; downtime at the cutover."""
    with lab_hosts(world.engine, "benchmigrate", 2) as (here, there):
        filled = install(world, here)
        filled.sh(f"cd {FOLDER} && bin/install --quiet {DOMAIN}")
        filled.fill(MEGABYTES)
        yield _file(filled)
        yield from _host(filled)
        yield from _cutover(filled, there)


def _file(filled: Filled) -> Figure:
    def packed(*words: str) -> float:
        filled.measure(*PACKED)
        return filled.measure(*words).took

    taken = interleaved(
        filled.world.rounds,
        ours=lambda: packed("bin/migrate", "--quiet", "--zstd", "--output", "/srv/packed"),
        theirs=lambda: packed("bash", "-c", TO_FILE),
    )
    return Figure.of(
        f"Move of {MEGABYTES} MB into a file, with checksums",
        taken,
        opponent="sha256sum, tar | zstd",
        unit="s",
        # Most of a second is spent on copies of databases and the start, whatever the size.
        target=1.25,
        decimals=1,
    )


def _host(filled: Filled) -> Iterator[Figure]:
    """The transfer lasts from the script's message that it sends to its message that it compares."""
    whole = []

    def ours() -> float:
        lines = [line.partition(" ") for line in filled.sh(f"cd {FOLDER} && {COPY}").splitlines()]
        times = {text: float(time) for time, _, text in lines}
        begin = next(time for text, time in times.items() if text.startswith("sending bin/ and volumes/"))
        end = next(time for text, time in times.items() if text.startswith("comparing the checksums"))
        whole.append(max(times.values()) - min(times.values()))
        filled.sh(FORGET)
        return end - begin

    def theirs() -> float:
        return filled.measure("bash", "-c", TO_HOST).took

    taken = interleaved(max(1, filled.world.rounds // 2), ours=ours, theirs=theirs)
    yield Figure.of(
        f"Transfer of {MEGABYTES} MB to another host, databases and a second look included",
        taken,
        opponent="tar | zstd | ssh",
        unit="s",
        target=1.053,
        decimals=1,
    )
    yield Figure(
        title="The whole copy: image, transfer, checksums on both sides, trial there",
        ours=whole,
        unit="s",
        target=120,
        decimals=1,
    )


def _cutover(filled: Filled, there: HostState) -> Iterator[Figure]:
    """As seen by visitors of both hosts, who send a request every 20 ms."""
    filled.sh(f"cd {FOLDER} && bin/migrate --quiet {THERE}; {CHANGE}")
    samples: dict[str, list[Sample]] = {}
    plans = [Plan(_target(state), connections=1, pause=0.02) for state in (filled.state, there)]
    with load(plans[0]) as samples["here"], load(plans[1]) as samples["there"]:
        said = filled.sh(f"cd {FOLDER} && bin/migrate --yes --cutover {THERE}")
    last = max(sample.start for sample in samples["here"] if not sample.outcome)
    first = min(sample.end for sample in samples["there"] if not sample.outcome)
    own = re.search(r"it was down for ([\d.]+) s", said)
    assert own, said
    title = f"Cutover of {MEGABYTES} MB, 1 % of it changed"
    yield Figure(title=f"{title}: downtime", ours=[first - last], unit="s", target=30, decimals=1)
    # What the script reports about it must be true.
    yield Figure(
        title=f"{title}: as bin/migrate states it",
        ours=[float(own[1])],
        theirs=[first - last],
        opponent="as seen",
        unit="s",
        target=1.5,
        decimals=1,
    )


def _target(state: HostState) -> Target:
    port = state.ports[HTTPS]
    return Target(f"https://{DOMAIN}:{port}/", address=("127.0.0.1", port), keep_alive=False)
