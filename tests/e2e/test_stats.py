"""The history of a service on a real host: nginx's log, the kernel's counters, systemd's restarts."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
    assert found["total"]["cpu"] > 0
    assert any("restarted by systemd" in mark["text"] for mark in found["marks"])


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
