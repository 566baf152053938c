"""Requests, errors and durations from nginx's access logs: what was written since the last read."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.agent.stats import latencies
from nuwa.agent.stats.latencies import Latencies

MAX_BYTES = 8 * 1024 * 1024
"""Maximum bytes of a file to parse at a time; earlier lines are only counted, their figures estimated."""
_CHUNK = 1024 * 1024
_SWITCHED = b"101"
"""The status of a connection that became a websocket: its duration is that of the visit."""


@dataclass
class Requests:
    """The requests that a site answered.

    Args:
        errors: answers with a status of 500 and above.
        took: durations; empty if the log does not contain them.
    """

    count: int = 0
    errors: int = 0
    took: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True)
class _Place:
    """Where reading a file ended; the inode is 0 if the file did not exist."""

    inode: int = 0
    offset: int = 0


class Reader:
    """Continues where it stopped. For a log that it sees for the first time, only later lines count."""

    def __init__(self) -> None:
        self._places: dict[Path, _Place] = {}

    def read(self, path: Path) -> Requests | None:
        """The requests since the last read; None if the log does not exist."""
        before = self._places.get(path)
        try:
            found = path.stat()
        except OSError:
            self._places[path] = _Place()
            return None
        self._places[path] = _Place(found.st_ino, found.st_size)
        requests = Requests()
        if before is None:
            return requests
        offset = before.offset
        if before.inode != found.st_ino:
            self._rest_of_rotated(path, before, requests)
            offset = 0
        if found.st_size < offset:
            offset = 0  # somebody has emptied it
        end = _take(path, offset, found.st_size, requests)
        self._places[path] = _Place(found.st_ino, end)
        return requests

    def _rest_of_rotated(self, path: Path, before: _Place, requests: Requests) -> None:
        """Count what was written between the last read and logrotate's rotation."""
        old = path.with_name(f"{path.name}.1")
        try:
            found = old.stat()
        except OSError:
            return
        if found.st_ino == before.inode:
            _take(old, before.offset, found.st_size, requests)


def _take(path: Path, begin: int, end: int, requests: Requests) -> int:
    """Count the complete lines between two offsets; returns the offset after the last of them."""
    try:
        with path.open("rb") as file:
            skipped = _count_lines(file.fileno(), begin, end - MAX_BYTES)
            file.seek(max(begin, end - MAX_BYTES))
            text = file.read(min(MAX_BYTES, end - begin))
    except OSError:
        return begin
    whole = text.rfind(b"\n") + 1
    read = parse(text[:whole])
    scale = (read.count + skipped) / read.count if read.count else 1.0
    requests.count += read.count + skipped
    requests.errors += round(read.errors * scale)
    requests.took.update({number: round(count * scale) for number, count in read.took.items()})
    return end - (len(text) - whole)


def _count_lines(descriptor: int, begin: int, end: int) -> int:
    lines = 0
    while begin < end:
        piece = os.pread(descriptor, min(_CHUNK, end - begin), begin)
        if not piece:
            break
        lines += piece.count(b"\n")
        begin += len(piece)
    return lines


def parse(text: bytes) -> Requests:
    """Requests from lines in nginx's `combined` format, followed by the duration if nuwa wrote the format.

    nginx escapes quotes within quotes as `\\x22`, so splitting a line at quotes is safe.
    """
    requests = Requests()
    for line in text.splitlines():
        parts = line.split(b'"')
        status = parts[2].strip()[:3] if len(parts) > 4 else b""
        if not status.isdigit():
            continue
        requests.count += 1
        requests.errors += status >= b"500"
        took = _seconds(parts[6]) if len(parts) > 6 and status != _SWITCHED else None
        if took is not None:
            requests.took[latencies.bucket(took)] += 1
    return requests


def _seconds(text: bytes) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
