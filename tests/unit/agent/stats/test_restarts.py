"""What becomes a mark: ends and restarts, whoever caused them and whatever the agent was doing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nuwa.agent.host import deaths
from nuwa.agent.host.deaths import End
from nuwa.agent.host.services import Service
from nuwa.agent.stats import restarts
from nuwa.agent.stats.restarts import Restarts
from nuwa.agent.stats.store import Store
from nuwa.errors import NuwaError

NOW = 100_000.0


class Host:
    """A host with one service; times are seconds before now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.slot = "blue"
        self.properties: dict[str, str] = {}
        self.ends: list[End] = []
        self.fault = False
        self.restarts = Restarts()
        self.start(10_000)

    def start(self, ago: float, count: int = 0) -> None:
        self.properties = {"ActiveEnterTimestampMonotonic": str(at(ago)), "NRestarts": str(count)}

    def die(self, ago: float, reason: str = "exit code 1", *, is_restarted: bool = True) -> None:
        self.ends.append(End(at(ago), reason, is_restarted))

    def look(self) -> list[str]:
        service = Service("web", "process", self.slot)
        asyncio.run(self.restarts.look(self.store, [service], {service.unit: self.properties}))
        return [mark["text"] for mark in self.store.marks("web", -(10**9))]

    async def found(self, _: object) -> dict[str, list[End]]:
        if self.fault:
            raise NuwaError("no journal")
        return {"web": self.ends}


def at(ago: float) -> int:
    return int((NOW - ago) * 1e6)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path / "stats.db")
    monkeypatch.setattr(deaths, "ends", made.found)
    monkeypatch.setattr(restarts, "time", SimpleNamespace(monotonic=lambda: NOW, time=time.time))
    return made


def test_an_end_is_noted_with_its_reason_and_once(host: Host):
    host.look()
    host.die(300)
    host.start(299, 1)
    assert host.look() == host.look() == ["ended and was restarted by systemd: exit code 1"]
    (mark,) = host.store.marks("web", 0)
    assert time.time() - mark["at"] == pytest.approx(300, abs=60)


def test_an_end_before_the_first_look_is_noted(host: Host):
    host.die(300)
    host.start(299, 1)
    assert host.look() == ["ended and was restarted by systemd: exit code 1"]


def test_ends_while_the_agent_was_away_are_noted_and_no_other_is_noted_again(host: Host):
    host.die(3000)
    host.start(2999, 1)
    host.look()
    host.store.close()
    host.store, host.restarts = Store(host.path), Restarts()
    host.die(1000, "out of memory")
    host.start(999, 2)
    assert host.look()[1:] == ["ended and was restarted by systemd: out of memory"]


def test_an_end_after_systemds_count_began_anew_is_noted(host: Host):
    host.start(10_000, 3)
    host.look()
    host.die(300)
    host.start(299, 1)
    assert host.look() == ["ended and was restarted by systemd: exit code 1"]


def test_an_end_that_is_noted_before_the_restart_explains_the_restart(host: Host):
    host.look()
    host.die(300, is_restarted=False)
    host.properties |= {"SubState": "auto-restart"}
    assert host.look() == ["ended and is being restarted by systemd: exit code 1"]
    host.start(200, 1)
    assert len(host.look()) == 1


def test_what_stays_down_has_ended_too(host: Host):
    host.look()
    host.die(300, is_restarted=False)
    host.properties |= {"SubState": "failed"}
    assert host.look() == ["ended: exit code 1"]


def test_a_crash_loop_is_one_mark_a_minute(host: Host):
    host.look()
    for ago in (300, 290, 280, 100, 1):
        host.die(ago)
    host.start(0, 5)
    assert host.look() == [
        "ended 3 times and was restarted by systemd: exit code 1",
        "ended and was restarted by systemd: exit code 1",
        "ended and was restarted by systemd: exit code 1",
    ]
    host.die(0)
    host.start(-1, 6)
    assert len(host.look()) == 3, "it waits for those that follow soon"


def test_a_journal_that_is_late_or_silent_does_not_hide_an_end(host: Host):
    host.look()
    host.start(299, 1)
    assert host.look() == []
    assert host.look() == ["ended and was restarted by systemd"]


def test_a_journal_that_cannot_be_read_keeps_what_happened_for_the_next_look(host: Host):
    host.look()
    host.die(300)
    host.start(299, 1)
    host.fault = True
    with pytest.raises(NuwaError):
        host.look()
    host.fault = False
    assert host.look() == ["ended and was restarted by systemd: exit code 1"]


def test_a_restart_that_was_asked_for_is_told_from_others(host: Host):
    host.look()
    host.restarts.expect("web", "ada (dashboard)")
    host.start(-1)
    assert host.look() == ["restarted by ada (dashboard)"]
    host.start(-2)
    assert host.look()[1:] == ["restarted, not by nuwa"]


def test_a_start_after_what_was_asked_for_is_done_is_somebody_elses(host: Host):
    host.look()
    host.restarts.expect("web", "hook site, run 7", 3600)
    host.restarts.settle("web")
    host.start(-5)
    assert host.look() == ["restarted, not by nuwa"]


def test_an_end_soon_after_a_restart_hides_neither(host: Host):
    host.look()
    host.restarts.expect("web", "ada (dashboard)")
    host.die(-1)
    host.start(-2, 1)
    assert host.look() == ["ended and was restarted by systemd: exit code 1", "restarted by ada (dashboard)"]


def test_a_crash_during_a_run_of_a_hook_is_not_the_restart_of_that_hook(
    host: Host, monkeypatch: pytest.MonkeyPatch
):
    host.start(5000, 3)
    host.look()
    with monkeypatch.context() as earlier:
        earlier.setattr(restarts.time, "monotonic", lambda: NOW - 500)
        host.restarts.expect("web", "hook site, run 7", 3600)
    host.die(300)
    host.start(299, 4)
    assert host.look() == ["ended and was restarted by systemd: exit code 1"]
    host.start(5)
    assert host.look()[1:] == ["restarted by hook site, run 7"]


def test_an_end_long_ago_is_not_what_systemd_is_busy_with(host: Host):
    host.look()
    host.die(3000, is_restarted=False)
    host.die(300, is_restarted=False)
    host.properties |= {"SubState": "auto-restart"}
    assert host.look() == ["ended: exit code 1", "ended and is being restarted by systemd: exit code 1"]


def test_the_other_slot_that_takes_over_is_a_restart_only_if_one_was_asked_for(host: Host):
    host.look()
    host.slot = "green"
    host.start(500)
    assert host.look() == []
    host.slot = "blue"
    host.restarts.expect("web", "ada (dashboard)")
    host.start(-1)
    assert host.look() == ["restarted by ada (dashboard)"]


def test_after_a_long_time_without_the_agent_marks_are_bounded(host: Host):
    for number in range(500):
        host.die(90_000 - 100 * number)
    host.start(1, 500)
    assert len(host.look()) == restarts.MAX_MARKS
