"""The host agent on a lab host of its own: its cost, and the speed of its listing, its log and its router."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import agent_container, agent_history, agent_log, wrk
from benchmarks.browser import chromium
from benchmarks.dashboard import PAINT
from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.world import World
from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.lab import agent as lab_agent
from nuwa.lab import lifecycle
from nuwa.lab.model import HostState, Lab

LAB = Lab("benchagent")
SERVICES = 500
IDLE, WATCHED = 60.0, 30.0
"""Seconds over which CPU time is measured."""
LISTINGS = 100
DEATHS = 10
LINES, WRITERS = 100_000, 10
BACKEND, PLAIN = 8801, 8802
_LISTING = """import http.client, json, socket, sys, time
class Control(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/nuwa/control.sock")
connection, times = Control("nuwa"), []
for number in range(int(sys.argv[1]) + 3):
    begun = time.perf_counter()
    connection.request("GET", "/ls")
    connection.getresponse().read()
    times.append(time.perf_counter() - begun)
    time.sleep(0.1)
print(json.dumps(sorted(times[3:])))
"""
_SLEEPER = '#!/bin/sh\necho "service $1 is here"\nexec sleep 1000000\n'
_NGINX = """server {{ listen 127.0.0.1:{backend}; access_log off; location / {{ return 200 "hello\\n"; }} }}
server {{
  listen 8803 ssl;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  location / {{
    proxy_pass http://127.0.0.1:{backend};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
  }}
}}
"""


@dataclass(frozen=True)
class Host:
    """The lab host that runs the agent."""

    engine: Engine
    state: HostState

    def sh(self, script: str, timeout: float = 900) -> str:
        container = self.state.host.container
        return self.engine.exec(container, "bash", "-c", script, timeout=timeout).stdout.strip()

    def write(self, path: str, text: str, mode: str = "644") -> None:
        script = f"mkdir -p $(dirname {path}); cat >{path}; chmod {mode} {path}"
        words = ("bash", "-c", script)
        self.engine.exec(self.state.host.container, *words, options=["--interactive"], input=text)

    def configure(self, document: dict[str, object]) -> None:
        self.write("/etc/nuwa/config.json", json.dumps(document), "600")
        self.sh("nuwa config apply --quiet")

    def of_processes(self, script: str) -> list[int]:
        """What a script prints for each process of the agent, as numbers; `$p` is the process id."""
        pids = "$(systemctl show -p MainPID --value nuwa-ci nuwa-dashboard | grep -v '^0*$')"
        return [int(word) for word in self.sh(f"for p in {pids}; do {script}; done").split()]

    def ticks(self) -> int:
        """CPU time of the agent's processes so far, in hundredths of a second."""
        return sum(self.of_processes("cut -d' ' -f14,15 /proc/$p/stat"))

    def rss(self) -> float:
        """Resident memory of the agent's processes, in MB."""
        return sum(self.of_processes("awk '/VmRSS/{print $2}' /proc/$p/status")) / 1024


@contextmanager
def prepared(world: World) -> Iterator[Host]:
    """A fresh lab host with the agent; it is removed afterwards."""
    world.say("a lab host with the agent")
    (state,) = lifecycle.reset(world.engine, Quiet(), LAB, 1)
    try:
        lab_agent.install(world.engine, Quiet(), state.host)
        yield Host(world.engine, state)
    finally:
        lifecycle.down(world.engine, Quiet(), LAB)


def agent(world: World) -> Iterator[Figure]:
    """The host agent: memory and CPU time when idle, the listing of 500 services, the router."""
    with prepared(world) as host:
        yield from _idle(host)
        yield from _containers(host)
        yield from _history(world, host)
        yield from _many(host)
        yield _router(world, host)


def _containers(host: Host) -> Iterator[Figure]:
    """How soon the dashboard shows changes of a container, and what watching one costs."""
    host.sh(agent_container.SETUP)
    host.configure({"processes": {agent_container.NAME: {"deployment": agent_container.FOLDER}}})
    host.write("/srv/seen.py", agent_container.SEEN)
    times = json.loads(host.sh(f"python3 /srv/seen.py {DEATHS}"))
    for what, taken in times.items():
        p95 = sorted(taken)[int(len(taken) * 0.95)] * 1000
        title = f"agent: from a container's {what} to the dashboard's row, p95 of {len(taken)}"
        yield Figure(title=title, ours=[p95], unit="ms", target=1000)
    host.configure({})
    host.sh(agent_container.TAKE_AWAY)


def _history(world: World, host: Host) -> Iterator[Figure]:
    """Two years of history: its size, and the first paint of a service's page that shows a year."""
    names = [f"s{number:03d}" for number in range(agent_history.SERVICES)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stats.db")
        agent_history.fill(path, names)
        size = path.stat().st_size / 1e6
        host.sh("systemctl stop nuwa-ci.socket nuwa-ci; rm -f /var/lib/nuwa/agent/stats.db*")
        host.engine.podman("cp", path, f"{host.state.host.container}:/var/lib/nuwa/agent/stats.db")
        host.sh("systemctl start nuwa-ci.socket nuwa-ci")
    title = f"agent: two years of history of {agent_history.SERVICES} services"
    yield Figure(title=title, ours=[size], unit="MB", target=60)
    process = {"script": "/srv/many/run.sh", "args": ["0"]}
    host.write("/srv/many/run.sh", _SLEEPER, "755")
    host.configure({"processes": {names[0]: process}, "routes": {"*/": "dashboard"}})
    with chromium() as browser:
        page = browser.new_context(ignore_https_errors=True).new_page()
        url = host.state.url()
        page.goto(f"{url}?token={host.sh('cat /etc/nuwa/token')}")
        paints = []
        for _ in range(max(3, world.rounds)):
            page.goto(f"{url.rstrip('/')}/proc/{names[0]}?since=1y")
            page.wait_for_selector(".plot .curve", state="attached")
            paints.append(float(page.evaluate(PAINT)))
    title = "dashboard: first paint of a service's page with a year of history"
    yield Figure(title=title, ours=paints, unit="ms", target=500)
    host.configure({})


def _idle(host: Host) -> Iterator[Figure]:
    time.sleep(10)
    before = host.ticks()
    time.sleep(IDLE)
    used = (host.ticks() - before) / IDLE
    yield Figure(title="agent, idle: memory", ours=[host.rss()], unit="MB RSS", target=66)
    yield Figure(title="agent, idle: cpu", ours=[used], unit="%", target=0.4, decimals=2)


def _many(host: Host) -> Iterator[Figure]:
    host.write("/srv/many/run.sh", _SLEEPER, "755")
    names = [f"s{number:03d}" for number in range(SERVICES)]
    processes = {name: {"script": "/srv/many/run.sh", "args": [name]} for name in names}
    begun = time.monotonic()
    host.configure({"processes": processes})
    applied = time.monotonic() - begun
    host.write("/srv/listing.py", _LISTING)
    times = json.loads(host.sh(f"sleep 5; python3 /srv/listing.py {LISTINGS}"))
    watch = "curl -sN --unix-socket /run/nuwa/control.sock http://nuwa/watch"
    host.sh(f"(timeout {WATCHED + 15:.0f} {watch} >/dev/null 2>&1 &) ; sleep 10")
    before = host.ticks()
    time.sleep(WATCHED)
    used = (host.ticks() - before) / WATCHED
    yield Figure(title=f"agent: {SERVICES} new services applied", ours=[applied], unit="s", target=120)
    p95 = times[int(len(times) * 0.95)] * 1000
    yield Figure(title=f"agent: /ls of {SERVICES} services, p95", ours=[p95], unit="ms", target=35)
    yield Figure(
        title=f"agent: cpu, {SERVICES} services watched", ours=[used], unit="%", target=2, decimals=1
    )
    host.configure({})


def _router(world: World, host: Host) -> Figure:
    """Requests per second through nuwa's route, and through the minimal nginx configuration for the same."""
    host.configure({"processes": {}, "routes": {"bench.test/": BACKEND}})
    folder = "/var/lib/nuwa/agent/tls/nuwa@bench.test"
    text = _NGINX.format(backend=BACKEND, certificate=f"{folder}.crt", key=f"{folder}.key")
    host.write("/etc/nginx/conf.d/bench.conf", text)
    host.sh("nginx -t -q && systemctl reload nginx; sleep 1")
    address = host.sh("hostname -I").split()[0]

    def seconds(url: str) -> float:
        return 1e6 / wrk.rate(url, "bench.test")

    taken = interleaved(
        world.rounds,
        ours=lambda: seconds(f"https://{address}/"),
        theirs=lambda: seconds(f"https://{address}:8803/"),
    )
    # The target is a maximum: how many times as long as with plain nginx a request may take.
    return Figure.of(
        "agent: a request through the router",
        taken,
        opponent="plain nginx",
        unit="µs",
        target=1.053,
        decimals=1,
    )


def logs(world: World) -> Iterator[Figure]:
    """A million numbered lines of ten services while every part of the log is restarted: lost lines."""
    with prepared(world) as host:
        agent_log.begin(host, WRITERS, LINES)
        begun = time.monotonic()
        restarts = 0
        while not agent_log.is_done(host, WRITERS):
            for unit in ("systemd-journald", "nuwa-log", "nuwa-ci"):
                host.sh(f"systemctl restart {unit}")
                restarts += 1
            time.sleep(2)
        rate = WRITERS * LINES / (time.monotonic() - begun)
        lost = agent_log.missing(host, WRITERS, LINES)
        world.say(f"{restarts} restarts while the lines were written")
        title = f"log: lines lost of {WRITERS * LINES:,} at {restarts} restarts"
        yield Figure(title=title, ours=[lost], unit="lines", target=0)
        yield Figure(title="log: time for a line", ours=[1e6 / rate], unit="µs", target=200)
