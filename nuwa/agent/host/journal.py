"""The lines of services in the journal, read with journalctl: limited parts, or an endless stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nuwa.agent import naming
from nuwa.agent.host.long_lines import Entry, Joiner
from nuwa.agent.host.services import Service
from nuwa.agent.schemas import Line
from nuwa.errors import NuwaError, UsageError
from nuwa.process_async import started

FIELDS = (
    "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,CONTAINER_PARTIAL_MESSAGE,CONTAINER_ID_FULL,_LINE_BREAK,_STREAM_ID"
)
MAX_LINES = 10_000
"""Lines in one answer."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Maximum output of journalctl for one answer: services may write many long lines."""
MAX_ENTRY_BYTES = 4 * 1024 * 1024
"""Maximum size of an entry in JSON; a larger one, which standard output never produces, is left out."""
TIMEOUT_S = 60.0
WAIT_FOR_REST_S = 0.5
"""Seconds after which the first pieces of a line are shown without the rest."""


@dataclass(frozen=True)
class Query:
    """Which lines to read.

    Args:
        lines: maximum number: the newest ones; with `after` the oldest ones, so that parts are contiguous.
        since: a time in journalctl's syntax: `-1h`, `2026-11-22 10:00`.
        grep: a regular expression for the text.
        priority: the lowest syslog priority to include.
        after: a cursor: only newer lines; overrides `since`.
    """

    lines: int = 200
    since: str = ""
    until: str = ""
    grep: str = ""
    priority: int | None = None
    after: str = ""

    def options(self) -> list[str]:
        """journalctl's options for this.

        `--cursor` also prints the entry of the cursor, which the reader skips. `--after-cursor` of systemd
        252 skips one line too many if that entry does not match the query.
        """
        named = {
            "--since": "" if self.after else self.since,
            "--until": self.until,
            "--grep": self.grep,
            "--cursor": self.after,
            "--priority": "" if self.priority is None else str(self.priority),
        }
        count = min(self.lines, MAX_LINES) + bool(self.after)
        return [f"--lines={count}", *(f"{name}={value}" for name, value in named.items() if value)]


class Sources:
    """The services whose lines are read, and the service that a line belongs to."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._owners = {unit: service.name for service in services for unit in _units(service)}
        self._plain = sum(service.kind == "process" for service in services)

    @property
    def matches(self) -> list[str]:
        """journalctl's match terms. Many plain processes are matched together, by their slice."""
        units = list(self._owners)
        slices = []
        if self._plain > 20:
            units = [unit for unit in units if not naming.parse(unit)]
            slices = [[f"_SYSTEMD_SLICE={naming.SLICE}"]]
        groups = slices + [
            group for unit in units for group in ([f"_SYSTEMD_UNIT={unit}"], ["_PID=1", f"UNIT={unit}"])
        ]
        return [term for group in groups for term in ("+", *group)][1:]

    def entry(self, raw: bytes | str) -> Entry | None:
        """An entry of journalctl's JSON; None if it is not from one of these services."""
        try:
            entry = json.loads(raw)
        except ValueError:
            return None
        owner = self._owners.get(_text(entry.get("_SYSTEMD_UNIT"))) or self._owners.get(
            _text(entry.get("UNIT"))
        )
        if owner is None:
            return None
        line: Line = {
            "service": owner,
            "time": int(entry.get("__REALTIME_TIMESTAMP", 0)) / 1e6,
            "priority": _priority(entry),
            # conmon keeps the line break.
            "text": _text(entry.get("MESSAGE")).removesuffix("\n"),
            "cursor": entry.get("__CURSOR", ""),
        }
        source = _text(entry.get("CONTAINER_ID_FULL")) or _text(entry.get("_STREAM_ID"))
        is_partial = (
            entry.get("CONTAINER_PARTIAL_MESSAGE") == "true" or entry.get("_LINE_BREAK") == "line-max"
        )
        return Entry(line, f"{source} {line['priority']}" if source else "", is_partial)

    def line(self, raw: bytes | str) -> Line | None:
        """The line of an entry, regardless of whether it is a piece of a longer one."""
        found = self.entry(raw)
        return found.line if found else None


def _units(service: Service) -> tuple[str, ...]:
    if service.deployment:
        return (*service.units, *service.deployment.once_units)
    return (*service.units, "systemd-journald.service") if service.name == "log" else service.units


def read(sources: Sources, query: Query) -> list[Line]:
    """A part of the log, the oldest line first; for use without an event loop.

    Raises:
        UsageError: journalctl rejects a time or an expression.
        NuwaError: the journal cannot be read.
    """
    return asyncio.run(lines(sources, query))


async def lines(sources: Sources, query: Query) -> list[Line]:
    """The same in an event loop."""
    if not sources.matches:
        return []
    entries, complaint = await _entries(query, sources)
    if not entries:
        _explain(complaint)
    joiner, found = Joiner(), []
    for raw in entries:
        entry = sources.entry(raw)
        if entry and entry.line["cursor"] != query.after:
            found += joiner.take(entry)
    found += joiner.rest()
    count = min(query.lines, MAX_LINES)
    return found[:count] if query.after else found[-count:]


async def _entries(query: Query, sources: Sources) -> tuple[list[bytes], str]:
    """journalctl's entries, the oldest first, and its messages.

    Without a cursor they are read backwards from the newest, so that the excess ones are the oldest.
    """
    argv = _argv(query, sources)
    if not query.after:
        argv.insert(1, "--reverse")
    entries: list[bytes] = []
    complaint, size = "", 0
    try:
        async with asyncio.timeout(TIMEOUT_S), started(argv, longest_line=MAX_ENTRY_BYTES) as running:
            async for raw in running.lines():
                size += len(raw)
                if size > MAX_ANSWER_BYTES:
                    break
                if raw.startswith(b"{"):
                    entries.append(raw)
                elif not entries:
                    complaint += raw.decode("utf-8", "replace")
    except TimeoutError:
        raise NuwaError(f"journalctl did not finish within {TIMEOUT_S:g} s") from None
    return (entries if query.after else entries[::-1]), complaint


async def follow(sources: Sources, query: Query) -> AsyncGenerator[Line, None]:
    """The lines of a query, and then each new one as it is written; until it is closed."""
    if not sources.matches:
        return
    argv = _argv(query, sources)
    argv.insert(1, "--follow")
    joiner = Joiner()
    async with started(argv, longest_line=MAX_ENTRY_BYTES) as running:
        async for raw in _with_pauses(running.lines(), joiner):
            entry = sources.entry(raw) if raw else None
            if raw is None:
                for line in joiner.rest():
                    yield line
            elif entry and entry.line["cursor"] != query.after:
                for line in joiner.take(entry):
                    yield line


async def _with_pauses(source: AsyncIterator[bytes], joiner: Joiner) -> AsyncIterator[bytes | None]:
    """Each item, and None after a pause while a line is incomplete."""
    pending: asyncio.Future[bytes] = asyncio.ensure_future(anext(source))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=WAIT_FOR_REST_S if joiner.is_waiting else None)
            if not done:
                yield None
                continue
            try:
                yield pending.result()
            except StopAsyncIteration:
                yield None
                return
            pending = asyncio.ensure_future(anext(source))
    finally:
        pending.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await pending


def _argv(query: Query, sources: Sources) -> list[str]:
    how = ["--quiet", "--no-pager", "--all", "--output=json", f"--output-fields={FIELDS}", *query.options()]
    return ["journalctl", *how, *sources.matches]


def _explain(message: str) -> None:
    """Raise an error for journalctl's message. Some versions fail if no line matches, which is fine."""
    text = message.strip()
    if not text or "No entries" in text:
        return
    if any(word in text for word in ("Failed to parse", "pattern", "Failed to seek")):
        raise UsageError(f"journalctl rejects this: {text}")
    raise NuwaError(
        "the journal cannot be read",
        details=text,
        hint="Run it with sudo, or join the group systemd-journal.",
    )


def _text(value: Any) -> str:
    """A field as text; journalctl prints bytes as a list of numbers, a repeated field as a list of values."""
    if isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0]) if value else ""
    return value if isinstance(value, str) else ""


def _priority(entry: Mapping[str, Any]) -> int:
    text = _text(entry.get("PRIORITY"))
    return int(text) if text in tuple("01234567") else 6
