"""Points in SQLite, and the marks that belong to them.

A fixed number of points is kept, whatever the clock says: a clock that jumps deletes nothing.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nuwa.agent import sqlite_files
from nuwa.agent.schemas import Mark
from nuwa.agent.stats import latencies, points
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.resolutions import DAYS, HOURS, MINUTES, RESOLUTIONS, Resolution
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)

HOST = ""
"""The name of the host itself, among those of services."""
WRITTEN_EVERY = 5
"""How many minutes are written at once."""
MAX_WAITING = 60
"""How many minutes are kept in memory while writing to the disk fails."""
MAX_WAITING_MARKS = 1000
KEPT_MARKS = 20_000
MAX_MARK_CHARS = 200
SCHEMA = 1
CPU_UNIT = 10_000
"""CPU time is stored in ten-thousandths of a core, so that it is a small whole number."""


_COLUMNS = "at, minutes, cpu, memory, received, sent, read, written, space, requests, errors, took"
_TABLE = """create table if not exists {table} (
  series integer not null, number integer not null, at integer not null, minutes integer not null,
  cpu integer, memory integer, received integer, sent integer, read integer, written integer, space integer,
  requests integer, errors integer, took blob, primary key (series, number)) without rowid;
create index if not exists {table}_by_number on {table} (number);
"""
_TABLES = """
create table if not exists series (id integer primary key, name text not null unique);
create table if not exists resolutions (
  name text primary key, number integer not null, rolled integer not null) without rowid;
create table if not exists marks (
  id integer primary key autoincrement, at integer not null, series integer not null, kind text not null,
  text text not null);
create index if not exists marks_by_series on marks (series, at);
create table if not exists ends (name text primary key, boot text not null, at integer not null);
"""


class Store:
    """The stored measurements.

    Args:
        path: the file; created if it is missing. A damaged one is set aside and replaced by a new one.

    Raises:
        NuwaError: the file cannot be opened, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite_files.open_or_replace(path, _open)
        except (OSError, sqlite3.Error) as error:
            raise NuwaError(f"{path} cannot be opened: {error}") from None
        self._waiting: list[dict[str, Point]] = []
        self._marks: list[tuple[str, Mark]] = []
        self._ends: dict[str, int] = {}
        self._boot = ""
        self._is_full = False
        self._lock = threading.RLock()

    def close(self) -> None:
        """Write pending data, and close the file."""
        self.write()
        self._connection.close()

    def add(self, minute: Mapping[str, Point], marks: Iterable[tuple[str, Mark]] = ()) -> None:
        """Add a minute of all services; several minutes are written at once."""
        with self._lock:
            self._waiting = [*self._waiting, dict(minute)][-MAX_WAITING:]
            self._marks = [*self._marks, *marks][-MAX_WAITING_MARKS:]
        if len(self._waiting) >= WRITTEN_EVERY:
            self.write()

    def note(self, marks: Iterable[tuple[str, Mark]], boot: str, ends: Mapping[str, int]) -> None:
        """Add marks between two minutes.

        Args:
            boot: id of the host's boot.
            ends: the time up to which the marks include each service's ends; written together with the marks.
        """
        with self._lock:
            self._marks = [*self._marks, *marks][-MAX_WAITING_MARKS:]
            self._boot = boot
            self._ends |= ends

    def ends(self, boot: str) -> dict[str, int]:
        """The time up to which the ends of each service have been noted since the boot with this id."""
        with self._reading():
            rows = self._connection.execute("select name, at from ends where boot = ?", (boot,)).fetchall()
        return {row["name"]: row["at"] for row in rows} | self._ends

    def write(self) -> None:
        """Write pending data; if that fails, log it once and keep the data in memory."""
        with self._lock:
            if not self._waiting and not self._marks:
                return
            try:
                self._write()
            except sqlite3.Error as error:
                if not self._is_full:
                    log.warning("statistics wait in memory, because their file cannot be written: %s", error)
                self._is_full = True
            else:
                self._is_full, self._waiting, self._marks, self._ends = False, [], [], {}

    def _write(self) -> None:
        with self._connection:
            self._connection.execute("begin immediate")
            for minute in self._waiting:
                self._put(MINUTES, minute)
            self._put_marks()
            self._roll(MINUTES, HOURS)
            self._roll(HOURS, DAYS)

    def read(self, name: str, since: int, step: int) -> list[Point]:
        """The points of a service since a time, of `step` seconds each, the oldest first."""
        with self._reading():
            series = self._series(name)
            found = [minute[name] for minute in self._waiting if name in minute]
            for one in RESOLUTIONS:
                if one.step > step:
                    break
                is_last = one is DAYS or RESOLUTIONS[RESOLUTIONS.index(one) + 1].step > step
                # Of finer points, only those that are not yet part of the next coarser one.
                found += self._rows(one, series, 0 if is_last else self._counts(one)[1])
        return points.by_step((point for point in found if point.at > since - step), step)

    def marks(self, name: str, since: int) -> list[Mark]:
        """What happened to a service since a time, the oldest first."""
        query = "select at, kind, text from marks where series = ? and at >= ? order by at desc limit 500"
        with self._reading():
            rows = self._connection.execute(query, (self._series(name), since)).fetchall()
        found: list[Mark] = [{"at": row["at"], "kind": row["kind"], "text": row["text"]} for row in rows]
        found += [mark for owner, mark in self._marks if owner == name and mark["at"] >= since]
        return sorted(found, key=lambda mark: mark["at"])

    def last(self) -> Mapping[str, Point]:
        """The newest minute of every service."""
        with self._reading():
            if self._waiting:
                return self._waiting[-1]
            query = f"select name, {_COLUMNS} from minutes join series on id = series where number = ?"  # noqa: S608 - names of our own tables and columns, and places for values
            rows = self._connection.execute(query, (self._counts(MINUTES)[0],)).fetchall()
        return {row["name"]: _point(row) for row in rows}

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            NuwaError: the file cannot be read.
        """
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise NuwaError(f"statistics cannot be read: {error}", hint=sqlite_files.DAMAGED) from None

    def _rows(self, one: Resolution, series: int, after: int) -> Iterator[Point]:
        query = f"select {_COLUMNS} from {one.table} where series = ? and number > ?"  # noqa: S608 - names of our own tables and columns, and places for values
        return map(_point, self._connection.execute(query, (series, after)).fetchall())

    def _series(self, name: str) -> int:
        row = self._connection.execute("select id from series where name = ?", (name,)).fetchone()
        return int(row["id"]) if row else 0

    def _counts(self, one: Resolution) -> tuple[int, int]:
        """The numbers of the newest point, and of the newest merged into the next coarser resolution."""
        query = "select number, rolled from resolutions where name = ?"
        row = self._connection.execute(query, (one.table,)).fetchone()
        return (int(row["number"]), int(row["rolled"])) if row else (0, 0)

    def _put(self, one: Resolution, stretch: Mapping[str, Point]) -> None:
        number = self._counts(one)[0] + 1
        query = "insert into resolutions values (?, ?, 0) on conflict do update set number = excluded.number"
        self._connection.execute(query, (one.table, number))
        for name, point in stretch.items():
            row = (self._named(name), number, *_row(point))
            places = ", ".join("?" * len(row))
            self._connection.execute(f"insert into {one.table} values ({places})", row)  # noqa: S608 - names of our own tables and columns, and places for values
        query = f"delete from {one.table} where number <= ?"  # noqa: S608 - names of our own tables and columns, and places for values
        self._connection.execute(query, (number - one.kept,))

    def _named(self, name: str) -> int:
        self._connection.execute("insert or ignore into series (name) values (?)", (name,))
        return self._series(name)

    def _put_marks(self) -> None:
        query = "insert into marks (at, series, kind, text) values (?, ?, ?, ?)"
        for name, mark in self._marks:
            row = (mark["at"], self._named(name), mark["kind"], mark["text"][:MAX_MARK_CHARS])
            self._connection.execute(query, row)
        query = "delete from marks where id <= (select max(id) from marks) - ?"
        self._connection.execute(query, (KEPT_MARKS,))
        if self._ends:
            self._connection.execute("delete from ends where boot <> ?", (self._boot,))
        query = "insert or replace into ends (name, boot, at) values (?, ?, ?)"
        self._connection.executemany(query, [(name, self._boot, at) for name, at in self._ends.items()])

    def _roll(self, fine: Resolution, coarse: Resolution) -> None:
        """Merge finer points whose interval is over into coarser ones."""
        rolled = self._counts(fine)[1]
        query = (
            f"select number, max(at) as at from {fine.table} where number > ? group by number order by number"  # noqa: S608 - names of our own tables and columns, and places for values
        )
        rows = self._connection.execute(query, (rolled,))
        stretches = {row["number"]: row["at"] // coarse.step for row in rows}
        if not stretches:
            return
        current = list(stretches.values())[-1]
        complete = max((number for number, stretch in stretches.items() if stretch != current), default=0)
        for stretch in dict.fromkeys(stretches.values()):
            chosen = [
                number for number, other in stretches.items() if other == stretch and number <= complete
            ]
            if chosen:
                self._put(coarse, self._merged(fine, stretch * coarse.step, chosen))
        if complete:
            query = "update resolutions set rolled = ? where name = ?"
            self._connection.execute(query, (complete, fine.table))

    def _merged(self, fine: Resolution, at: int, numbers: list[int]) -> dict[str, Point]:
        places = ", ".join("?" * len(numbers))
        query = (
            f"select name, {_COLUMNS} from {fine.table} join series on id = series where number in ({places})"  # noqa: S608 - names of our own tables and columns, and places for values
        )
        found: dict[str, list[Point]] = {}
        for row in self._connection.execute(query, numbers):
            found.setdefault(row["name"], []).append(_point(row))
        return {name: points.merge(at, several) for name, several in found.items()}


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=2, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute("pragma journal_size_limit = 4194304")
    connection.execute("pragma cache_size = -1024")
    if connection.execute("pragma user_version").fetchone()[0] > SCHEMA:
        raise NuwaError(f"{path} was written by a newer release of nuwa", hint="Update nuwa.")
    connection.executescript(_TABLES + "".join(_TABLE.format(table=one.table) for one in RESOLUTIONS))
    connection.execute(f"pragma user_version = {SCHEMA}")
    return connection


def _row(point: Point) -> tuple[object, ...]:
    cpu = None if point.cpu is None else round(point.cpu * CPU_UNIT)
    rates = (point.received, point.sent, point.read, point.written)
    return (
        *(point.at, point.minutes, cpu, point.memory),
        *(None if rate is None else round(rate) for rate in rates),
        *(point.space, point.requests, point.errors, latencies.pack(point.took)),
    )


def _point(row: sqlite3.Row) -> Point:
    return Point(
        at=row["at"],
        minutes=row["minutes"],
        cpu=None if row["cpu"] is None else row["cpu"] / CPU_UNIT,
        memory=row["memory"],
        received=row["received"],
        sent=row["sent"],
        read=row["read"],
        written=row["written"],
        space=row["space"],
        requests=row["requests"],
        errors=row["errors"],
        took=latencies.unpack(row["took"]),
    )
