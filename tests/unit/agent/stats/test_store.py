"""The statistics' file: what it keeps, how large it becomes, and what does not make it forget."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from nuwa.agent.stats import store as module
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.resolutions import DAYS, HOURS, MINUTES, Resolution
from nuwa.agent.stats.store import HOST, Store

DAY = 86400
BEGIN = 20_000 * DAY
"""A midnight."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "stats.db")


def fill(
    store: Store, minutes: int, begin: int = BEGIN, every: int = 1, names: tuple[str, ...] = ("web",)
) -> None:
    for number in range(0, minutes, every):
        at = begin + number * 60
        store.add({name: Point(at=at, cpu=0.5, memory=100, requests=60, errors=1) for name in names})


def rows(store: Store, table: str) -> int:
    store.write()
    return int(store._connection.execute(f"select count(*) from {table}").fetchone()[0])


def test_a_minute_can_be_read_before_it_is_written(store: Store):
    fill(store, 1)
    (point,) = store.read("web", BEGIN, 60)
    assert (point.at, point.cpu, point.requests) == (BEGIN, 0.5, 60)


def test_minutes_are_written_together(store: Store, tmp_path: Path):
    fill(store, module.WRITTEN_EVERY - 1)
    other = sqlite3.connect(tmp_path / "stats.db")
    assert other.execute("select count(*) from minutes").fetchone() == (0,)
    fill(store, 1, BEGIN + 3600)
    assert other.execute("select count(*) from minutes").fetchone() == (module.WRITTEN_EVERY,)


def test_a_file_that_was_closed_is_read_again(tmp_path: Path):
    first = Store(tmp_path / "stats.db")
    fill(first, 3)
    first.close()
    again = Store(tmp_path / "stats.db")
    assert [point.at for point in again.read("web", BEGIN, 60)] == [BEGIN, BEGIN + 60, BEGIN + 120]


def test_hours_and_days_are_made_of_minutes_and_a_sum_stays_what_it_was(store: Store):
    fill(store, 3 * 1440, every=20)
    for step in (3600, DAY):
        found = store.read("web", BEGIN, step)
        assert sum(point.requests or 0 for point in found) == 3 * 72 * 60
        assert {point.cpu for point in found} == {0.5}
    assert [point.at for point in store.read("web", BEGIN, DAY)] == [BEGIN, BEGIN + DAY, BEGIN + 2 * DAY]


def test_no_more_points_are_kept_than_were_promised(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "WRITTEN_EVERY", 60)
    small = [
        Resolution("minutes", 60, 90),
        Resolution("hours", 3600, 30),
        Resolution("days", DAY, 4),
    ]
    for name, one in zip(("MINUTES", "HOURS", "DAYS"), small, strict=True):
        monkeypatch.setattr(module, name, one)
    fill(store, 9 * 1440, every=2, names=("web", "mail"))
    assert [rows(store, one.table) for one in small] == [2 * 90, 2 * 30, 2 * 4]


def test_a_clock_that_jumps_makes_nothing_be_forgotten(store: Store):
    fill(store, 180)
    fill(store, 5, begin=BEGIN + 20 * 365 * DAY)
    fill(store, 10, begin=BEGIN + 180 * 60)
    now = [point for point in store.read("web", BEGIN, 60) if point.at < BEGIN + DAY]
    assert len(now) == 190
    fill(store, 70, begin=BEGIN + 190 * 60)
    hours = [point.requests for point in store.read("web", BEGIN, 3600) if point.at < BEGIN + DAY]
    assert hours == [3600, 3600, 3600, 3600, 1200]


def test_a_stretch_that_came_twice_is_one(store: Store):
    fill(store, 2)
    fill(store, 2)
    assert [point.requests for point in store.read("web", BEGIN, 60)] == [120, 120]


def test_durations_and_unknowns_survive(store: Store):
    store.add({HOST: Point(at=BEGIN, space=7), "web": Point(at=BEGIN, took=Counter({3: 200}))})
    store.write()
    assert store.read(HOST, BEGIN, 60)[0].space == 7
    (point,) = store.read("web", BEGIN, 60)
    assert point.took == Counter({3: 200})
    assert point.cpu is None


def test_marks_are_kept_and_bounded(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "KEPT_MARKS", 10)
    for number in range(30):
        store.add({}, [("web", {"at": BEGIN + number, "kind": "restart", "text": "x" * 1000})])
    store.write()
    assert [mark["at"] - BEGIN for mark in store.marks("web", BEGIN)] == list(range(20, 30))
    assert len(store.marks("web", BEGIN)[0]["text"]) == module.MAX_MARK_CHARS
    assert store.marks("mail", BEGIN) == []


def test_a_full_disk_is_said_once_loses_nothing_at_first_and_holds_a_bounded_part(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fill(store, 5)
    store._connection.execute("pragma max_page_count = 1")  # sqlite raises it to what the file has
    full = store._connection.execute("pragma max_page_count").fetchone()[0]
    for number in range(200):
        fill(store, 1, BEGIN + 300 + number * 60, names=tuple(f"s{index}" for index in range(200)))
    assert sum("cannot be written" in record.message for record in caplog.records) == 1
    assert len(store._waiting) <= module.MAX_WAITING
    assert store.read("s7", BEGIN, 60)
    store._connection.execute(f"pragma max_page_count = {full * 1000}")
    fill(store, 1, BEGIN + DAY)
    assert store._waiting == []
    assert store.read("s7", BEGIN, 60)


def test_a_damaged_file_is_set_aside(tmp_path: Path):
    path = tmp_path / "stats.db"
    path.write_bytes(b"this is not a database" * 500)
    made = Store(path)
    fill(made, 1)
    made.close()
    assert len(Store(path).read("web", BEGIN, 60)) == 1
    aside = next(tmp_path.glob("stats.db.damaged-*"))
    assert aside.read_bytes().startswith(b"this is not a database")


def test_the_file_is_for_root_alone(tmp_path: Path, store: Store):
    assert (tmp_path / "stats.db").stat().st_mode & 0o777 == 0o600


def test_what_is_kept_are_minutes_of_a_day_hours_of_a_month_and_days_of_two_years():
    assert MINUTES.step * MINUTES.kept == DAY
    assert HOURS.step * HOURS.kept == 31 * DAY
    assert DAYS.step * DAYS.kept == 730 * DAY
