"""The agent's own SQLite files."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

DAMAGED = "Restart the agent: nuwa restart ci. It renames a damaged file and creates a new one."
"""What is said to who asked for something in a file that cannot be read."""


def open_or_replace(path: Path, connect: Callable[[Path], sqlite3.Connection]) -> sqlite3.Connection:
    """Open a file that only root can read; a damaged one is renamed, and a new one is created.

    Args:
        path: the file; made, with its folder, when it is missing.
        connect: opens it and brings it to the schema.

    Raises:
        sqlite3.Error: it cannot be opened for another reason, for example because the disk is full.
        OSError: its folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        connection = connect(path)
        _check(connection)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        log.warning("%s is damaged (%s): it was renamed to %s, and a new one is created", path, error, aside)
        path.replace(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = connect(path)
    path.chmod(0o600)
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Find what opening a file does not: pages in its middle that are damaged.

    Raises:
        sqlite3.DatabaseError: there are some.
    """
    (found,) = connection.execute("pragma quick_check(1)").fetchone()
    if found != "ok":
        connection.close()
        raise sqlite3.DatabaseError(found)
