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


@pytest.fixture(scope="module")
def served(agent: LabHost) -> LabHost:
    write(agent, "/srv/stats/site.py", SITE.format(version="one"))
    process = {
        "script": "/srv/stats/site.py",
        "args": ["${.ports.0}"],
        "ports": ["auto"],
        "runtime": "python3",
    }
    configure(agent, {"processes": {"counted": process}, "routes": {"stats.test/": "counted"}})
    eventually(lambda: agent.out(f"{ASK}/ -w '%{{http_code}}'") == "200", "it serves")
    return agent


def history(host: LabHost, name: str = "") -> Any:
    return json.loads(host.out(f"nuwa stats {name} --since 1h --json"))


def test_requests_durations_and_restarts_are_recorded(served: LabHost) -> None:
    eventually(lambda: history(served, "counted")["points"], "a first minute was recorded", seconds=150)
    served.sh(f"for i in $(seq 50); do {ASK}/$i; done; systemctl kill -s KILL 'nuwa@counted-*'")
    eventually(
        lambda: (history(served, "counted")["total"]["requests"] or 0) >= 50, "they were counted", seconds=150
    )
    found = history(served, "counted")
    assert 0 < found["total"]["p50"] < 5
    assert found["total"]["memory"] > 1_000_000
    assert found["total"]["cpu"] is not None
    assert any("restarted by systemd: killed by signal 9" in mark["text"] for mark in found["marks"])


def test_the_host_is_recorded(served: LabHost) -> None:
    total = history(served)["total"]
    assert total["cpu"] > 0
    assert total["memory"] > 10_000_000
    assert total["space"] > 10_000_000
    assert "P95" in served.out("nuwa stats counted --since 1h")


def test_what_is_used_now_is_a_table(served: LabHost) -> None:
    table = served.out("nuwa top").splitlines()
    assert table[0].split()[:3] == ["NAME", "CPU", "MEMORY"]
    assert any(line.startswith("counted ") for line in table)


@pytest.fixture(scope="module")
def contained(agent: LabHost) -> Iterator[LabHost]:
    agent.sh(agent_container.SETUP)
    configure(agent, {"processes": {agent_container.NAME: {"deployment": agent_container.FOLDER}}})
    yield agent
    agent.sh(agent_container.TAKE_AWAY)


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


def test_while_somebody_watches_podmans_service_runs_and_then_it_is_gone(contained: LabHost) -> None:
    contained.sh("(timeout 25 curl -sN --unix-socket /run/nuwa/control.sock http://nuwa/watch >/dev/null &)")
    eventually(
        lambda: contained.out("stat -c %a /run/nuwa/podman; pgrep -f '[n]uwa.agent.containers'"), "it runs"
    )
    assert contained.out("stat -c %a:%U /run/nuwa/podman") == "700:root"
    eventually(
        lambda: (
            contained.sh("pgrep -f '[p]odman system service|[n]uwa.agent.containers'", check=False).code == 1
        ),
        "it is gone",
        seconds=90,
    )


def test_why_a_container_ended_is_in_its_history(contained: LabHost) -> None:
    contained.sh(f"kill -9 $(podman inspect --format='{{{{.State.Pid}}}}' {agent_container.CONTAINER})")
    eventually(
        lambda: any(
            "exit code 137 (killed)" in mark["text"] for mark in history(contained, "death")["marks"]
        ),
        "it is recorded",
        seconds=150,
    )
