"""The links, in SQLite. One connection per call: cheap here, and nothing is shared between threads."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are easily confused when a code is read aloud."""

TABLE = """
CREATE TABLE IF NOT EXISTS link (
    code TEXT PRIMARY KEY,
    target TEXT NOT NULL UNIQUE,
    hits INTEGER NOT NULL DEFAULT 0,
    used TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


class Store:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.path, timeout=10)
        database.row_factory = sqlite3.Row
        try:
            with database:
                yield database
        finally:
            database.close()

    def prepare(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(TABLE)

    def add(self, target: str) -> str:
        """The code of a target: the existing one, or a new one."""
        with self._open() as database:
            while True:
                code = "".join(secrets.choice(ALPHABET) for _ in range(5))
                database.execute("INSERT OR IGNORE INTO link (code, target) VALUES (?, ?)", (code, target))
                row = database.execute("SELECT code FROM link WHERE target = ?", (target,)).fetchone()
                if row:
                    return str(row["code"])

    def follow(self, code: str) -> str | None:
        """The target of a code, counting the visit; None if the code does not exist."""
        with self._open() as database:
            row = database.execute(
                "UPDATE link SET hits = hits + 1, used = CURRENT_TIMESTAMP WHERE code = ? RETURNING target", (code,)
            ).fetchone()
            return row and str(row["target"])

    def newest(self, count: int = 20) -> list[sqlite3.Row]:
        with self._open() as database:
            return database.execute("SELECT * FROM link ORDER BY rowid DESC LIMIT ?", (count,)).fetchall()

    def forget(self, days: int) -> int:
        """Remove links that nobody has followed for that long; returns their number."""
        with self._open() as database:
            return database.execute("DELETE FROM link WHERE used < datetime('now', ?)", (f"{-days} days",)).rowcount
