"""`nuwa deploy` from this machine to lab hosts, against what a user types without it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deploys import DEPLOYS
from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.run import Plan
from benchmarks.load.target import Target
from benchmarks.measure import interleaved
from benchmarks.site import PROJECT
from benchmarks.ssh_way import lay
from benchmarks.world import FAMILY, PREFIX, World
from nuwa.console import Plain
from nuwa.lab import lifecycle
from nuwa.lab.model import HTTPS, HostState, Lab
from nuwa.process import run
from nuwa.remote import source, transfer
from nuwa.remote.ssh import connect
from nuwa.remote.target import Target as Deployment
from tests.e2e.client import Site

APP, DOMAIN = f"{PREFIX}-remote", f"{PREFIX}-remote.localhost"
FOLDER = f"/srv/{APP}"
IMAGE = f"localhost/app/{APP}:latest"
MEGABYTES = (500, 2000)
"""Sizes of the images whose transfers are compared by memory use."""
BY_HAND = f"podman save --quiet {IMAGE} | zstd -q -T0 -3 | ssh root@bench1 'zstd -dq | podman load --quiet'"
TODAY = f"podman save --quiet {IMAGE} | ssh root@bench1 podman load --quiet"


@dataclass
class Line:
    """A project here, and a host that it is deployed to."""

    world: World
    state: HostState
    project: Path
    releases: int = 0

    def deploy(self) -> dict[str, object]:
        said = self.world.nuwa(
            "deploy", "--json", "--family", FAMILY, f"root@bench1:{FOLDER}", cwd=self.project
        )
        return dict(json.loads(said.stdout)["hosts"][0])

    def by_hand(self) -> None:
        self.world.nuwa("build", "--quiet", "--family", FAMILY, cwd=self.project)
        shell(TODAY)
        shell(f"ssh root@bench1 'cd {FOLDER} && bin/deploy --quiet --watch 0 {IMAGE}'")

    def change(self) -> str:
        self.releases += 1
        name = f"release-{self.releases}"
        (self.project / "release.txt").write_text(f"{name}\n")
        return name

    def site(self) -> Site:
        read = f"cat {FOLDER}/volumes/.nuwa/tls/{DOMAIN}/fullchain.pem"
        pem = self.world.engine.exec(self.state.host.container, "sh", "-c", read).stdout
        return Site(DOMAIN, self.state.ports[HTTPS], pem)

    def until_served(self, bring: Callable[[], object]) -> float:
        """Seconds from the command to the first answer of a changed release; waits for the command's end."""
        site, name = self.site(), self.change()
        begin, served = time.monotonic(), []

        def watch() -> None:
            while not served:
                if site.get("/health/").text == name:
                    served.append(time.monotonic() - begin)
                time.sleep(0.02)

        watching = threading.Thread(target=watch)
        watching.start()
        bring()
        watching.join()
        return served[0]


def shell(command: str) -> None:
    run(["bash", "-o", "pipefail", "-c", command])


def timed(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def remote(world: World) -> Iterator[Figure]:
    """`nuwa deploy` over ssh: bytes, seconds to the new release, first transfer, no change, load, memory."""
    lab = Lab("benchremote")
    here, _ = lifecycle.reset(world.engine, Plain(), lab, 2)
    try:
        hosts = {"bench1": here.host, "bench2": lab.host(2)}
        programs = lay(world.engine, hosts, world.folder / "way")
        with world.environment({"PATH": f"{programs}:{os.environ['PATH']}"}):
            line = Line(world, here, _project(world))
            line.deploy()
            yield from _bytes(line)
            yield _seconds(line)
            yield _unchanged(line)
            yield _first(line)
            yield _load(line)
            yield from _memory(world)
    finally:
        lifecycle.down(world.engine, Plain(), lab)


def _project(world: World) -> Path:
    folder = world.folder / "remote"
    shutil.copytree(PROJECT, folder)
    manifest = folder / "nuwa.toml"
    text = manifest.read_text().replace('name = "tiny"', f'name = "{APP}"\ndomains = ["{DOMAIN}"]')
    manifest.write_text(text)
    return folder


def _bytes(line: Line) -> Iterator[Figure]:
    line.change()
    sent = int(str(line.deploy()["bytes"]))
    image = line.world.inspect(IMAGE)
    saved = run(["bash", "-c", f"podman save --quiet {IMAGE} | wc -c"]).stdout
    yield Figure(
        title="Bytes sent after a change of code",
        ours=[sent],
        theirs=[int(saved)],
        opponent="podman save",
        unit="B",
        target=0.02,
    )
    with source.local(line.world.engine, image) as local:
        ((_, layer),) = local.layers(image.layers[-1:])
        packed = run(["bash", "-c", f"zstd -q -3 -c {layer} | wc -c"]).stdout
    yield Figure(
        title="The same",
        ours=[sent],
        theirs=[int(packed)],
        opponent="the app's layer, compressed",
        unit="B",
        target=1.5,
    )


def _seconds(line: Line) -> Figure:
    taken = interleaved(
        line.world.rounds,
        ours=lambda: line.until_served(line.deploy),
        theirs=lambda: line.until_served(line.by_hand),
    )
    return Figure.of(
        "A change of code, until visitors have it",
        taken,
        opponent="nuwa build, podman save | ssh podman load, bin/deploy",
        unit="s",
        target=0.35,
        decimals=1,
    )


def _unchanged(line: Line) -> Figure:
    def least() -> float:
        login = timed(lambda: shell("ssh root@bench1 true"))
        build = timed(lambda: line.world.nuwa("build", "--quiet", "--family", FAMILY, cwd=line.project))
        return 2 * login + build

    taken = interleaved(line.world.rounds, ours=lambda: timed(line.deploy), theirs=least)
    title = "nuwa deploy with nothing changed"
    return Figure.of(title, taken, opponent="2 × ssh true, nuwa build", unit="s", target=1.0, decimals=2)


def _first(line: Line) -> Figure:
    """A deploy to the second host, which has nothing yet."""
    engine, image = line.world.engine, line.world.inspect(IMAGE)
    forget = "ssh root@bench2 'podman rmi --all --force >/dev/null; rm -rf /var/lib/nuwa-app/incoming; sync'"

    def ours() -> float:
        shell(forget)

        def send() -> None:
            with connect(Deployment("root@bench2", FOLDER)) as line, source.local(engine, image) as local:
                transfer.send(line, local, IMAGE, lambda _: None)

        return timed(send)

    def theirs() -> float:
        shell(forget)
        return timed(lambda: shell(BY_HAND.replace("bench1", "bench2")))

    return Figure.of(
        "First transfer to an empty host",
        interleaved(line.world.rounds, ours=ours, theirs=theirs),
        opponent="podman save | zstd | ssh | podman load",
        unit="s",
        target=1.0,
        decimals=1,
    )


def _load(line: Line) -> Figure:
    port, count = line.state.ports[HTTPS], max(1, DEPLOYS // 2)
    plans = [
        Plan(
            Target(
                f"https://{DOMAIN}:{port}/",
                address=("127.0.0.1", port),
                method="POST" if body else "GET",
                body=body,
            ),
            connections=3,
            pause=0.03,
        )
        for body in (b"", b"x" * 2000)
    ]
    with load(*plans, before=2, after=2) as samples:
        for _ in range(count):
            line.change()
            line.deploy()
    failed = [sample for sample in samples if sample.outcome]
    title = f"Requests lost in {count} runs of nuwa deploy (of {len(samples)})"
    return Figure(title=title, ours=[len(failed)], unit="", target=0)


_SEND = """import resource, sys
from benchmarks.remote import send_once
send_once(sys.argv[1])
sides = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
print(max(resource.getrusage(side).ru_maxrss for side in sides))"""
# The largest process there, sampled ten times a second, until the mark in the folder is removed.
_WATCH = """touch /run/watched; most=0
while [ -e /run/watched ]; do
  now=$(ps -eo rss= --sort=-rss | head -n 1); [ "$now" -le "$most" ] || most=$now; sleep 0.1
done; echo "$most\""""


def send_once(image: str) -> None:
    """Send an image to the second host."""
    from nuwa.engine import Engine

    engine = Engine.detect()
    found = engine.image(image)
    assert found
    with connect(Deployment("root@bench2", FOLDER)) as line, source.local(engine, found) as local:
        transfer.send(line, local, image, lambda _: None)


def _memory(world: World) -> Iterator[Figure]:
    """The largest process of each side, for an image of 2 GB against one of 500 MB."""
    taken: dict[int, tuple[float, float]] = {}
    for size in MEGABYTES:
        tag = f"localhost/{PREFIX}-large:{size}"
        context = world.folder / f"large-{size}"
        context.mkdir()
        for number in range(4):
            run(["bash", "-c", f"head -c {size // 4}M /dev/urandom >{context / str(number)}"])
        text = "FROM scratch\n" + "".join(f"COPY {number} /{number}\n" for number in range(4))
        world.engine.build(text, context, ["--format", "docker", "--layers=true", "--tag", tag])
        shutil.rmtree(context)
        taken[size] = _sent(tag)
        shell("ssh root@bench2 'podman rmi --all --force >/dev/null'")
    for index, side in enumerate(("sender", "receiver")):
        small, large = (taken[size][index] / 1024 for size in MEGABYTES)
        yield Figure(
            title=f"Memory of the {side}, an image of 2 GB",
            ours=[large],
            theirs=[small],
            opponent="500 MB",
            unit="MiB",
            target=1.25,
        )


def _sent(image: str) -> tuple[float, float]:
    """KiB of the largest process here and there."""
    seen: list[str] = []
    watching = threading.Thread(target=lambda: seen.append(run(["ssh", "root@bench2", _WATCH]).stdout))
    watching.start()
    time.sleep(1)
    own = run([sys.executable, "-c", _SEND, image]).stdout
    shell("ssh root@bench2 rm /run/watched")
    watching.join()
    return float(own), float(seen[0])
