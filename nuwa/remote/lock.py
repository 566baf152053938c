"""The lock on the host: who deploys there, and since when. It is released when the connection closes."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from nuwa.errors import BusyError, RemoteError
from nuwa.process import Result
from nuwa.remote.ssh import Connection
from nuwa.remote.target import me

_BEAT_S = 10
"""Seconds between signs of life to the holder on the host; it gives up after more than four times as long."""


@contextmanager
def held(connection: Connection) -> Iterator[None]:
    """Hold the lock of the target's deployment while the block runs.

    Raises:
        BusyError: somebody else holds the lock.
        RemoteError: it cannot be acquired.
    """
    answers: queue.Queue[str | Result] = queue.Queue()
    out_of, into = os.pipe()
    over = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(_hold, connection, out_of, answers)
        pool.submit(_beat, into, connection.password, over)
        try:
            _wait(connection, answers)
            yield
        finally:
            over.set()
        holding.result()


def _wait(connection: Connection, answers: queue.Queue[str | Result]) -> None:
    """Wait until the lock is ours; messages of ssh itself may come before the answer."""
    while (answer := answers.get()) != "mine":
        if isinstance(answer, Result):
            raise RemoteError(
                f"the lock on {connection.target.destination} cannot be acquired",
                details=answer.stdout.strip(),
            )
        if answer.startswith("held "):
            raise BusyError(
                f"{connection.target} is being deployed to by {answer.removeprefix('held ')}",
                hint="Wait for it, and try again.",
            )


def _hold(connection: Connection, out_of: int, answers: queue.Queue[str | Result]) -> Result:
    with os.fdopen(out_of, "rb") as source:
        result = connection.fed("hold", connection.target.lock, me(), stdin=source, on_line=answers.put)
    answers.put(result)
    return result


def _beat(into: int, password: bytes, over: threading.Event) -> None:
    with os.fdopen(into, "wb", buffering=0) as target:
        try:
            target.write(password)
            while not over.wait(_BEAT_S):
                target.write(b"\n")
        except BrokenPipeError:
            return
