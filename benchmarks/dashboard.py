"""The dashboard with hundreds of services, in Chromium: how soon it is painted, and the cost of watching."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.browser import chromium
from benchmarks.figure import Figure
from benchmarks.world import World
from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.lab import agent, lifecycle
from nuwa.lab.model import HostState, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LAB = Lab("benchdashboard")
SERVICES = 500
WATCHED = 30.0
"""Seconds over which CPU time is measured."""
SETTLED = 15.0
"""Seconds for which a page stays open."""
_SERVICE = '#!/bin/sh\necho "service $1 is here"\nexec sleep infinity\n'
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_TICKS = """for p in $(systemctl show -p MainPID --value nuwa-ci nuwa-dashboard); do
  cut -d' ' -f14-17 /proc/$p/stat
done"""


@dataclass(frozen=True)
class _Host:
    engine: Engine
    state: HostState

    def sh(self, script: str) -> str:
        container = self.state.host.container
        return self.engine.exec(container, "bash", "-c", script, timeout=900).stdout.strip()

    def configure(self) -> None:
        """Configure services that write a line and then do nothing, and the dashboard for them."""
        names = [f"service-{number:03}" for number in range(SERVICES)]
        processes = {name: {"script": "/srv/many/run.sh", "args": [name]} for name in names}
        document = json.dumps({"processes": processes, "routes": {"*/": "dashboard"}})
        for path, text, mode in (
            ("/srv/many/run.sh", _SERVICE, 755),
            ("/etc/nuwa/config.json", document, 600),
        ):
            script = f"mkdir -p $(dirname {path}) && cat >{path} && chmod {mode} {path}"
            words = ("bash", "-c", script)
            self.engine.exec(self.state.host.container, *words, options=["--interactive"], input=text)
        self.sh("nuwa config apply --quiet")

    def seconds_of_cpu(self) -> float:
        """CPU time of agent and dashboard so far, including their child processes."""
        return sum(map(int, self.sh(_TICKS).split())) / 100


def dashboard(world: World) -> Iterator[Figure]:
    """The dashboard with 500 services in Chromium: first paint, and CPU time of both while watched."""
    world.say("a lab host with the agent")
    (state,) = lifecycle.reset(world.engine, Quiet(), LAB, 1)
    try:
        agent.install(world.engine, Quiet(), state.host)
        host = _Host(world.engine, state)
        world.say(f"start {SERVICES} services")
        host.configure()
        with chromium() as browser:
            yield from _watched(world, host, browser)
    finally:
        lifecycle.down(world.engine, Quiet(), LAB)


def _watched(world: World, host: _Host, browser: Browser) -> Iterator[Figure]:
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    url, token = host.state.url(), host.sh("cat /etc/nuwa/token")
    page = context.new_page()
    page.goto(f"{url}?token={token}")
    page.wait_for_selector(f"#s-service-{SERVICES - 1:03}", state="attached")
    paints = []
    for _ in range(world.rounds):
        page.goto(url)
        page.wait_for_selector(".chart", state="attached")
        paints.append(float(page.evaluate(PAINT)))
    time.sleep(SETTLED)
    before = host.seconds_of_cpu()
    time.sleep(WATCHED)
    used = (host.seconds_of_cpu() - before) / WATCHED * 100
    title = f"dashboard with {SERVICES} services"
    yield Figure(title=f"{title}: first paint in Chromium", ours=paints, unit="ms", target=1000)
    yield Figure(
        title=f"{title}: cpu of agent and dashboard while watched",
        ours=[used],
        unit="%",
        target=5,
        decimals=1,
    )
