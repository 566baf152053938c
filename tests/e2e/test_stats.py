"""The history of a service on a real host: nginx's log, the kernel's counters, systemd's restarts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import agent_container
from e2e.agent_site import SITE, configure, write
from e2e.conftest import LabHost, eventually

ASK = "curl -sk -o /dev/null --resolve stats.test:443:127.0.0.1 https://stats.test"


COUNTED = {
    "script": "/srv/stats/site.py",
    "args": ["${.ports.0}"],
    "ports": ["auto"],
    "runtime": "python3",
}
ROUTES = {"stats.test/": "counted"}


@pytest.fixture(scope="module")
def served(agent: LabHost) -> LabHost:
    write(agent, "/srv/stats/site.py", SITE.format(version="one"))
    configure(agent, {"processes": {"counted": COUNTED}, "routes": ROUTES})
    eventually(lambda: agent.out(f"{ASK}/ -w '%{{http_code}}'") == "200", "it serves")
    return agent


def history(host: LabHost, name: str = "") -> Any:
    return json.loads(host.out(f"nuwa stats {name} --since 1h --json"))


def death(host: LabHost, name: str, cause: str) -> bool:
    """Whether it is recorded; systemd has started the service again by then, or is about to."""
    told = {f"ended and {how} restarted by systemd: {cause}" for how in ("was", "is being")}
    return any(mark["text"] in told for mark in history(host, name)["marks"])


def test_why_a_process_ended_is_soon_in_its_history(served: LabHost) -> None:
    served.sh("systemctl kill -s KILL 'nuwa@counted-*'")
    eventually(lambda: death(served, "counted", "killed by signal 9"), "it is recorded")


def test_the_host_is_recorded(served: LabHost) -> None:
    eventually(lambda: history(served)["points"], "a first minute was recorded", seconds=90)
    total = history(served)["total"]
    assert total["cpu"] > 0
    assert total["memory"] > 10_000_000
    assert total["space"] > 10_000_000


def test_what_is_used_now_is_a_table(served: LabHost) -> None:
    table = served.out("nuwa top").splitlines()
    assert table[0].split()[:3] == ["NAME", "CPU", "MEMORY"]
    assert any(line.startswith("counted ") for line in table)


@pytest.fixture(scope="module")
def contained(served: LabHost) -> Iterator[LabHost]:
    served.sh(agent_container.SETUP)
    processes = {"counted": COUNTED, agent_container.NAME: {"deployment": agent_container.FOLDER}}
    configure(served, {"processes": processes, "routes": ROUTES})
    yield served
    served.sh(agent_container.TAKE_AWAY)


def container(host: LabHost) -> Any:
    rows = json.loads(host.out("nuwa ls --json"))["ps"]
    return next(row["container"] or {} for row in rows if row["name"] == agent_container.NAME)


def check_health(host: LabHost) -> None:
    host.sh(f"podman healthcheck run {agent_container.CONTAINER}", check=False)


def test_a_containers_health_is_shown_by_ls_and_monitor(contained: LabHost) -> None:
    check_health(contained)
    eventually(lambda: container(contained).get("health") == "healthy", "it is healthy")
    contained.sh(f"rm {agent_container.WELL}")
    check_health(contained)
    eventually(lambda: container(contained).get("health") == "unhealthy", "it is not")
    assert "(unhealthy " in contained.out("nuwa ls")
    assert re.search(r"failed +health death .*unhealthy", contained.out("nuwa monitor"))
    contained.sh(f"touch {agent_container.WELL}")
    check_health(contained)


def test_while_somebody_watches_podmans_service_runs_and_then_it_is_gone(contained: LabHost) -> None:
    watch = "curl -sN --unix-socket /run/nuwa/control.sock http://nuwa/watch >/dev/null 2>&1 & echo $!"
    watcher = contained.out(watch)
    eventually(
        lambda: contained.out("stat -c %a /run/nuwa/podman; pgrep -f '[n]uwa.agent.containers'"), "it runs"
    )
    assert contained.out("stat -c %a:%U /run/nuwa/podman") == "700:root"
    contained.sh(f"kill {watcher}")
    eventually(
        lambda: (
            contained.sh("pgrep -f '[p]odman system service|[n]uwa.agent.containers'", check=False).code == 1
        ),
        "it is gone",
        seconds=90,
    )


def test_why_a_container_ended_is_in_its_history_though_the_agent_was_away(contained: LabHost) -> None:
    pid = f"podman inspect --format='{{{{.State.Pid}}}}' {agent_container.CONTAINER}"
    agent = "nuwa-ci.socket nuwa-webhooks.socket nuwa-ci"
    contained.sh(f"systemctl stop {agent}; kill -9 $({pid}); sleep 3; systemctl start {agent}")
    eventually(lambda: death(contained, "death", "exit code 137 (killed)"), "it is recorded")


def test_requests_and_durations_are_recorded(served: LabHost) -> None:
    """It comes last: the agent has seen its first minute of the service meanwhile."""
    served.sh(f"for i in $(seq 50); do {ASK}/$i; done")

    def is_counted() -> bool:
        total = history(served, "counted")["total"]
        return (total["requests"] or 0) >= 50 and total["cpu"] is not None

    eventually(is_counted, "minutes passed", seconds=150)
    total = history(served, "counted")["total"]
    assert 0 < total["p50"] < 5
    assert total["memory"] > 1_000_000
    assert "P95" in served.out("nuwa stats counted --since 1h")
