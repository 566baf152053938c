"""The agent's files, damaged while it runs or before it starts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nuwa.agent.audit import Actor, Trail
from nuwa.agent.database import Database
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.store import Store
from nuwa.errors import NuwaError

SOMEBODY = Actor("ada", "command line")


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A file with many rows, whose pages behind the first are then overwritten."""
    path = tmp_path / "agent.db"
    database = Database(path)
    trail = Trail(database)
    for number in range(300):
        trail.record(SOMEBODY, "restart", f"service-{number}" * 20)
    database.close()
    overwrite(path)
    return path


def overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(random.Random(7).randbytes(size - 4096 * 2))


def test_a_damaged_file_is_set_aside_at_the_start_wherever_the_damage_is(damaged: Path):
    database = Database(damaged)
    assert Trail(database).entries() == []
    Trail(database).record(SOMEBODY, "restart", "web")
    assert len(Trail(database).entries()) == 1
    assert list(damaged.parent.glob("agent.db.damaged-*"))


def test_damage_while_it_runs_is_an_error_with_a_remedy_and_an_audit_goes_to_the_journal(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nuwa.agent.sqlite_files._check", lambda _: None)
    database = Database(damaged)
    with pytest.raises(NuwaError, match="malformed") as caught:
        Trail(database).entries()
    assert "renames a damaged file" in caught.value.hint
    Trail(database).record(SOMEBODY, "restart", "web")


def test_statistics_that_are_damaged_are_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nuwa.agent.sqlite_files._check", lambda _: None)
    path = tmp_path / "stats.db"
    store = Store(path)
    for number in range(300):
        store.add({f"web{number}": Point(at=number * 60, requests=1) for number in range(20)})
    store.close()
    overwrite(path)
    with pytest.raises(NuwaError, match="cannot be read"):
        Store(path).read("web1", 0, 60)
