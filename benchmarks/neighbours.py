"""One app misbehaves in every way that limits are for, while another one on the same host answers."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.load.background import load
from benchmarks.load.report import percentile
from benchmarks.load.run import Plan
from benchmarks.site import PROJECT, Site, installed
from benchmarks.world import PREFIX, World
from nuwa.console import Plain
from nuwa.lab import access
from nuwa.lab.model import Lab

SECONDS = float(os.environ.get("NUWA_BENCH_SECONDS", "8"))
"""Seconds of each kind of misbehaviour per round; the site alone is measured for as long before it."""
TURNS = 5
"""How often each folder is written to in a round: a write takes a second, and other load varies meanwhile."""
NAME = f"{PREFIX}-rowdy"
FOLDER, CONTAINER = f"/srv/{NAME}", f"nuwa-{NAME}-blue"
LIMITS = """
cpu = 0.5
pids = 64
network = "20M"

[[volume]]
name = "data"
path = "/srv/data"
size = "600M"
"""
INSTALL = f"""set -e; mkdir -p {FOLDER}; cd {FOLDER}
export BID=localhost/app/{NAME}:latest; podman image inspect -f '{{{{.Config.Labels.Setup}}}}' $BID | bash
bin/run --quiet
systemctl set-property systemd-journald.service CPUQuota=25%
systemd-run --quiet --unit sink python3 -c '
import socket, threading
def take(sender):
    while sender.recv(1 << 20): pass
server = socket.create_server(("", 9999))
while True: threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()
'"""
MISBEHAVIOURS = {
    "fills its volume": "cd /srv/data; while :; do dd if=/dev/zero of=full bs=64k 2>/dev/null; rm full; done",
    "forks": "python3 -c '\nimport os\nwhile True:\n try: os.fork()\n except OSError: pass'",
    "leaks memory": "while :; do python3 -c 'x = []\nwhile True: x.append(b\"x\" * (1 << 20))'; done",
    "spins": "for i in 1 2 3 4; do while :; do :; done & done; wait",
    "writes logs": "yes 'a line of a log that nobody will ever read' | logger",
    "saturates the link": "python3 -c '\nimport socket\nwhile True:\n"
    ' made = socket.create_connection(("{gateway}", 9999))\n while True: made.sendall(bytes(65536))\'',
}
"""Shell commands for the app's container, run until they are stopped."""
BEGIN = f"systemd-run --quiet --collect --unit rowdy podman exec --user 10001 {CONTAINER} sh -c {{command}}"
END = f"""systemctl stop rowdy 2>/dev/null; systemctl reset-failed rowdy 2>/dev/null
systemctl restart {CONTAINER}.service; sleep 2"""
WRITE = """import json, os, sys, time
def timed(count, size, sync):
    name, block = os.path.join(sys.argv[1], "written"), os.urandom(size)
    began = time.perf_counter()
    with open(name, "wb", buffering=0) as file:
        for _ in range(count):
            file.write(block)
            if sync: os.fsync(file.fileno())
        os.fsync(file.fileno())
    took = time.perf_counter() - began
    os.unlink(name)
    return took
os.sync()
print(json.dumps([timed(256, 1 << 20, False), timed(200, 4096, True)]))"""


def neighbours(world: World) -> Iterator[Figure]:
    """p95 of a site while its neighbour misbehaves; throughput of a volume with a size."""
    with installed(world, Lab("neighbours")) as site:
        _install(world, site)
        yield from _throughput(world, site)
        yield from _answers(world, site)


def _install(world: World, site: Site) -> None:
    project = _project(world)
    world.nuwa("build", "--family", "debian", "--quiet", cwd=project)
    access.copy(world.engine, Plain(), f"localhost/app/{NAME}:latest", site.state.host)
    site.sh(INSTALL)


def _project(world: World) -> Path:
    """The tiny site under another name, with limits."""
    folder = world.folder / "rowdy"
    shutil.copytree(PROJECT, folder)
    manifest = folder / "nuwa.toml"
    text = manifest.read_text(encoding="utf-8").replace('name = "tiny"', f'name = "{NAME}"')
    manifest.write_text(text + LIMITS, encoding="utf-8")
    return folder


def _throughput(world: World, site: Site) -> Iterator[Figure]:
    """The volume, against a folder on the disk that stores it."""
    site.sh(f"mkdir -p {FOLDER}/plain")
    places = {"ours": f"{FOLDER}/volumes/data", "theirs": f"{FOLDER}/plain"}
    found: dict[str, list[list[float]]] = {side: [] for side in places}
    for number in range(TURNS * world.rounds):
        for side in list(places)[:: 1 if number % 2 else -1]:
            said = site.sh(f"python3 -c {shlex.quote(WRITE)} {places[side]}").stdout
            found[side].append(json.loads(said))
    for index, title in enumerate(("256 MB written in a row, then fsync", "200 × 4 KiB written, fsync each")):
        yield Figure(
            title=f"Volume with a size: {title}",
            ours=[took[index] for took in found["ours"]],
            theirs=[took[index] for took in found["theirs"]],
            opponent="plain folder",
            unit="s",
            target=1.11,
            decimals=2,
        )


def _answers(world: World, site: Site) -> Iterator[Figure]:
    gateway = f"podman network inspect --format '{{{{(index .Subnets 0).Gateway}}}}' nuwa-{NAME}"
    address, failed, asked = site.sh(gateway).stdout.strip(), 0, 0
    p95: dict[str, list[float]] = {}
    for _ in range(world.rounds):
        for kind, command in MISBEHAVIOURS.items():
            for name in ("alone", kind):
                if name == kind:
                    words = command.replace("{gateway}", address)
                    site.sh(BEGIN.format(command=shlex.quote(words)))
                plan = Plan(site.target(), connections=2, pause=0.02)
                with load(plan, before=SECONDS) as samples:
                    pass
                p95.setdefault(f"{kind}, {name}", []).append(
                    percentile((s.seconds * 1000 for s in samples), 0.95)
                )
                failed, asked = failed + sum(bool(s.outcome) for s in samples), asked + len(samples)
            site.sh(END)
            world.say(
                f"{kind}: p95 {p95[f'{kind}, {kind}'][-1]:.1f} ms, alone {p95[f'{kind}, alone'][-1]:.1f} ms"
            )
    yield Figure(title=f"Requests failed meanwhile (of {asked})", ours=[failed], unit="", target=0)
    for kind in MISBEHAVIOURS:
        yield Figure(
            title=f"p95 of a site while another app {kind}",
            ours=p95[f"{kind}, {kind}"],
            theirs=p95[f"{kind}, alone"],
            opponent="alone",
            unit="ms",
            target=1.5,
            decimals=1,
        )
