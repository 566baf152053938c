"""The agent's database, in SQLite: deliveries, runs with their output, configurations, alerts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nuwa.agent import sqlite_files
from nuwa.errors import NuwaError

SCHEMA = 1
_TABLES = """
create table if not exists runs (
  id integer primary key autoincrement, hook text not null, delivery text not null, commit_id text not null,
  base text not null default '', state text not null, forced integer not null default 0,
  created real not null, started real, duration real, attempt integer not null default 0,
  services text not null default '');
create index if not exists runs_by_hook on runs (hook, id);
create index if not exists runs_by_state on runs (state);
create table if not exists steps (
  run integer not null references runs (id) on delete cascade, number integer not null,
  command text not null, output text not null default '', duration real not null default 0, code integer,
  primary key (run, number)) without rowid;
create table if not exists deliveries (
  hook text not null, delivery text not null, digest text, run integer, received real not null,
  primary key (hook, delivery)) without rowid;
create unique index if not exists deliveries_by_digest on deliveries (hook, digest) where digest is not null;
create table if not exists configurations (
  revision text primary key, time real not null, who text not null, content text not null);
create table if not exists checks (
  name text primary key, kind text not null, service text not null, state text not null, since real not null,
  message text not null, told real);
create table if not exists alerts (
  id integer primary key autoincrement, time real not null, name text not null, state text not null,
  message text not null, action text not null, told real);
create table if not exists alert_details (
  alert integer primary key, event text not null, service text not null, advice text not null);
create table if not exists outbox (
  id integer primary key autoincrement, channel text not null, alert integer not null, created real not null,
  due real not null, tries integer not null);
create table if not exists audit (
  id integer primary key autoincrement, time real not null, who text not null, way text not null,
  source text not null, action text not null, target text not null, outcome text not null);
"""


class Database:
    """One connection, for the thread of the event loop.

    Args:
        path: the file; created if it is missing. A damaged one is renamed, and a new one created.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite_files.open_or_replace(path, _open)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk after the block.

        Raises:
            NuwaError: the disk is full, or cannot be written for another reason.
        """
        try:
            with self._connection as connection:
                connection.execute("begin immediate")
                yield connection
        except sqlite3.OperationalError as error:
            hint = "Free some space on the disk that holds it."
            raise NuwaError(f"the agent cannot write to its database: {error}", hint=hint) from None
        except sqlite3.DatabaseError as error:
            raise _damaged(error) from None

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds.

        Raises:
            NuwaError: the file cannot be read.
        """
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise _damaged(error) from None

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """The first of it."""
        found = self.rows(query, *values)
        return found[0] if found else None


def _damaged(error: sqlite3.DatabaseError) -> NuwaError:
    return NuwaError(f"the agent cannot use its database: {error}", hint=sqlite_files.DAMAGED)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma cache_size = -1024")
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA:
        raise NuwaError(f"{path} was written by a newer release of nuwa", hint="Update nuwa.")
    connection.executescript(_TABLES)
    if version != SCHEMA:
        # It is a write, which must not keep the agent from its start when the disk is full.
        connection.execute(f"pragma user_version = {SCHEMA}")
    return connection
