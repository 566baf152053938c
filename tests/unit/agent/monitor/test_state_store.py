"""When a state is worth an alert, and what outlives a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.database import Database
from nuwa.agent.monitor.results import Finding
from nuwa.agent.monitor.state_store import States


def finding(state: str, name: str = "process web") -> Finding:
    return Finding(name, "process", "web", state, f"it is {state}")


def take(states: States, *found: str, repeat: float = 3600) -> None:
    for state in found:
        states.take([finding(state)], repeat)


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(Database(tmp_path / "agent.db"))


def told(states: States) -> list[str]:
    return [alert["state"] for _, alert in states.untold()]


def test_a_failure_is_told_once_and_so_is_its_end(states: States) -> None:
    take(states, "ok", "failed", "failed", "failed", "failed", "ok", "ok", "ok")
    assert told(states) == ["failed", "ok"]


def test_what_flaps_for_a_moment_wakes_nobody(states: States) -> None:
    take(states, "ok", *(["failed", "ok"] * 5))
    assert told(states) == []
    assert states.checks()[0]["state"] == "ok"


def test_a_crash_loop_is_one_failure_and_one_recovery(states: States) -> None:
    take(states, "ok", "failed", *(["unknown", "unknown", "failed"] * 5), "unknown", "ok", "ok")
    assert told(states) == ["failed", "ok"]
    take(states, "failed", "failed")
    take(states, "unknown", "ok", repeat=-1)
    assert told(states) == ["failed", "ok", "failed"], "only what fails now is told again"


def test_a_lasting_failure_is_told_again_after_its_time(states: States) -> None:
    take(states, "ok", "failed", "failed")
    take(states, "failed", repeat=-1)
    assert told(states) == ["failed", "failed"]


def test_a_restart_of_the_agent_repeats_no_alert(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    first = States(Database(path))
    take(first, "ok", "failed", "failed")
    first.told([number for number, _ in first.untold()])
    second = States(Database(path))
    take(second, "failed", "failed", "failed")
    assert told(second) == []
    assert second.checks()[0]["state"] == "failed"


def test_a_check_that_is_no_more_is_forgotten(states: States) -> None:
    states.take([finding("ok"), finding("ok", "disk /")], 60)
    states.take([finding("ok")], 60)
    assert [check["name"] for check in states.checks()] == ["process web"]


def test_what_was_done_about_a_failure_is_written_down(states: States) -> None:
    states.act(finding("failed"), "restarted: green took over")
    assert states.alerts()[0]["action"] == "restarted: green took over"
