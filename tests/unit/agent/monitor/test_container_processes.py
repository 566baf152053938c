"""What the agent takes from a container about what runs in it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from nuwa.agent.monitor import container_processes


def state(name: str, word: str, kind: str = "process") -> dict[str, object]:
    return {"name": name, "kind": kind, "state": word, "text": f"text of {name}"}


def test_each_process_is_a_check_and_of_the_rest_what_is_wrong() -> None:
    states = [
        state("worker", "failing"),
        state("mailer", "up"),
        state("clock", "standby"),
        state("cron", "down", "service"),
        state("rsyslogd", "up", "service"),
        state("server", "down", "service"),
    ]
    found = list(container_processes.read("shop", json.dumps(states)))
    assert [(one.name, one.state) for one in found] == [
        ("process shop/worker", "failed"),
        ("process shop/mailer", "ok"),
        ("process shop/clock", "ok"),
        ("process shop/cron", "failed"),
    ]
    assert found[0].message == "worker: text of worker"
    assert {one.service for one in found} == {"shop"}


@pytest.mark.parametrize("text", ["", "not JSON", "{}", "null", "[1, null, []]", "[{}]", "[" * 100_000])
def test_what_is_not_as_it_should_be_is_left_out(text: str) -> None:
    assert list(container_processes.read("shop", text)) == []


def test_a_flood_is_cut() -> None:
    found = list(container_processes.read("shop", json.dumps([state("x" * 5000, "failing")] * 5000)))
    assert len(found) == container_processes.MAX_SERVICES
    assert len(found[0].message) < 500


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo '[]'", "[]\n"),
        ("yes", ""),
        ("echo no; exit 3", ""),
        ("sleep 60", ""),
        ("yes '' | tr -d '\\n'", ""),
    ],
)
def test_what_a_container_says_is_bounded_in_size_and_time(
    script: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_processes, "TIMEOUT_S", 2)
    begun = time.monotonic()
    assert asyncio.run(container_processes._said(["bash", "-c", script])) == said
    assert time.monotonic() - begun < 15
