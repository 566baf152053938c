"""Mutual exclusion: a lock that lasts as long as the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nuwa.errors import BusyError


def lock_file(name: str) -> Path:
    """The file of the lock with this name: in memory, so that nothing is left of it after a restart."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run/lock")
    return folder / f"nuwa-{name}.lock"


@contextmanager
def only_one(name: str, busy: str, file: Path | None = None) -> Iterator[None]:
    """Hold the machine-wide lock `name`; the kernel releases it however this process ends.

    Args:
        busy: the error for a second process, one sentence.
        file: the lock's file, if it is not that of `lock_file`.

    Raises:
        BusyError: another process holds it.
    """
    with _opened(file or lock_file(name)) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise BusyError(
                f"{busy} (process {held.read().strip() or 'unknown'})", hint="Wait for it."
            ) from None
        _sign(held)
        yield


@contextmanager
def in_turn(name: str) -> Iterator[None]:
    """Hold the machine-wide lock `name`, after waiting for its current holder."""
    with _opened(lock_file(name)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _sign(file)
        yield


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+")


def _sign(file: IO[str]) -> None:
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
