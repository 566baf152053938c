"""The audit trail: what it keeps, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nuwa.agent import audit
from nuwa.agent.audit import Actor, Trail
from nuwa.agent.database import Database

ADA = Actor("ada", "ssh", "192.0.2.7 SHA256:abc")


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    database = Database(tmp_path / "agent.db")
    yield Trail(database)
    database.close()


def test_an_entry_says_who_did_what_by_which_way_and_how_it_went(trail: Trail) -> None:
    trail.record(ADA, "restart", "blog", "failed: it does not answer")
    trail.record(audit.MONITOR, "restart", "shop")
    newest, oldest = trail.entries()
    assert (newest["who"], newest["way"], newest["outcome"]) == ("monitor", "monitor", "ok")
    time = oldest.pop("time")  # type: ignore[misc]
    assert oldest == {
        "who": "ada",
        "way": "ssh",
        "source": "192.0.2.7 SHA256:abc",
        "action": "restart",
        "target": "blog",
        "outcome": "failed: it does not answer",
    }
    assert len(trail.entries(count=1)) == 1
    assert len(trail.entries(since=float(str(time)))) == 2
    assert trail.entries(since=float(str(newest["time"])) + 1) == []


def test_the_oldest_entries_go_first(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "KEPT_ENTRIES", 3)
    for number in range(5):
        trail.record(ADA, "restart", f"app{number}")
    assert [entry["target"] for entry in trail.entries()] == ["app4", "app3", "app2"]


def test_an_entry_is_one_short_line_whatever_others_wrote(trail: Trail) -> None:
    trail.record(Actor("a\nb\x1b[31m", "ssh", "\ud800"), "restart", "x" * 10_000)
    (entry,) = trail.entries()
    assert entry["who"] == "a b [31m"
    assert len(entry["target"]) == audit.MAX_CHARS
    assert str(Actor("ada", "API")) == "ada (API)"


def test_refusals_are_written_down_and_push_out_nothing(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_REFUSALS", 3)
    eve, now = Actor("eve", "API", "192.0.2.9"), 1000.0
    monkeypatch.setattr(audit.time, "monotonic", lambda: now)
    for number in range(50):
        trail.refuse(eve, "stop", f"app{number}", "she may not")
    trail.refuse(ADA, "stop", "blog", "nor may she")
    found = [(entry["who"], entry["target"], entry["outcome"]) for entry in trail.entries()]
    assert found[0] == ("ada", "blog", "refused: nor may she")
    assert found[1:] == [("eve", f"app{number}", "refused: she may not") for number in (2, 1, 0)]
    now += audit.HOUR_S
    trail.refuse(eve, "stop", "blog", "she may not")
    assert (trail.entries()[0]["who"], len(trail._refusals)) == ("eve", 1)


def test_a_full_disk_leaves_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, lines = Database(tmp_path / "agent.db"), list[str]()
    monkeypatch.setattr(audit.syslog, "syslog", lambda _, line: lines.append(line))
    pages = database.row("pragma page_count")
    assert pages
    database.row(f"pragma max_page_count = {pages[0]}")
    trail = Trail(database)
    for number in range(100):
        trail.record(ADA, "restart", f"{number} {'x' * 250}")
    assert len(lines) == 100, "and nobody is told that what was done has failed"
    assert 0 < len(trail.entries()) < 100
    database.close()
