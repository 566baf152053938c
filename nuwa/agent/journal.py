"""The lines of services in the journal, read with journalctl: bounded parts, or a stream that goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nuwa.agent import naming
from nuwa.agent.services import Service
from nuwa.agent.shapes import Line
from nuwa.errors import NuwaError, UsageError
from nuwa.process import run
from nuwa.process_async import started

FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT"
MOST = 10_000
"""Lines in one answer."""


@dataclass(frozen=True)
class Query:
    """Which lines are wanted.

    Args:
        lines: at most this many, the newest ones.
        since: journalctl's way of naming a time: `-1h`, `2026-11-22 10:00`.
        grep: a regular expression in the text.
        priority: the least important that is shown, as in syslog.
        after: a cursor; only newer lines.
    """

    lines: int = 200
    since: str = ""
    until: str = ""
    grep: str = ""
    priority: int | None = None
    after: str = ""

    def options(self) -> list[str]:
        """journalctl's options for this."""
        named = {
            "--since": self.since,
            "--until": self.until,
            "--grep": self.grep,
            "--after-cursor": self.after,
            "--priority": "" if self.priority is None else str(self.priority),
        }
        return [
            f"--lines={min(self.lines, MOST)}",
            *(f"{name}={value}" for name, value in named.items() if value),
        ]


class Sources:
    """The services whose lines are wanted, and which of them a line belongs to."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._owners = {unit: service.name for service in services for unit in _units(service)}
        self._plain = sum(service.kind == "process" for service in services)

    @property
    def matches(self) -> list[str]:
        """journalctl's terms. Many plain processes are named at once, by their slice."""
        units = list(self._owners)
        slices = []
        if self._plain > 20:
            units = [unit for unit in units if not naming.parse(unit)]
            slices = [[f"_SYSTEMD_SLICE={naming.SLICE}"]]
        groups = slices + [
            group for unit in units for group in ([f"_SYSTEMD_UNIT={unit}"], ["_PID=1", f"UNIT={unit}"])
        ]
        return [term for group in groups for term in ("+", *group)][1:]

    def line(self, raw: bytes | str) -> Line | None:
        """A line of journalctl's JSON; None for what is no line of these services."""
        try:
            entry = json.loads(raw)
        except ValueError:
            return None
        owner = self._owners.get(_text(entry.get("_SYSTEMD_UNIT"))) or self._owners.get(
            _text(entry.get("UNIT"))
        )
        if owner is None:
            return None
        return {
            "service": owner,
            "time": int(entry.get("__REALTIME_TIMESTAMP", 0)) / 1e6,
            "priority": _priority(entry),
            "text": _text(entry.get("MESSAGE")),
            "cursor": entry.get("__CURSOR", ""),
        }


def _units(service: Service) -> tuple[str, ...]:
    return (*service.units, "systemd-journald.service") if service.name == "log" else service.units


def read(sources: Sources, query: Query) -> list[Line]:
    """A part of the log, the oldest line first.

    Raises:
        UsageError: journalctl does not understand a time or an expression.
        NuwaError: the journal cannot be read.
    """
    if not sources.matches:
        return []
    result = run(_argv(query, sources), check=False, timeout=60)
    if not result.ok and not result.stdout:
        _explain(result.stderr)
    return [line for raw in result.stdout.splitlines() if (line := sources.line(raw))]


async def follow(sources: Sources, query: Query) -> AsyncGenerator[Line, None]:
    """The lines that a query asks for, and then each new one as it is written; until it is closed."""
    if not sources.matches:
        return
    async with started([*_argv(query, sources)[:1], "--follow", *_argv(query, sources)[1:]]) as running:
        async for raw in running.lines():
            line = sources.line(raw)
            if line:
                yield line


def _argv(query: Query, sources: Sources) -> list[str]:
    how = ["--quiet", "--no-pager", "--output=json", f"--output-fields={FIELDS}", *query.options()]
    return ["journalctl", *how, *sources.matches]


def _explain(message: str) -> None:
    """Raise what journalctl's complaint means; some releases call it a failure when no line fits."""
    text = message.strip()
    if not text or "No entries" in text:
        return
    if any(word in text for word in ("Failed to parse", "pattern", "Failed to seek")):
        raise UsageError(f"the journal does not understand this: {text}")
    raise NuwaError(
        "the journal cannot be read", details=text, hint="Is the user in the group systemd-journal?"
    )


def _text(value: Any) -> str:
    """A field; bytes that are no text come as a list of numbers, a repeated field as a list of values."""
    if isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0]) if value else ""
    return value if isinstance(value, str) else ""


def _priority(entry: Mapping[str, Any]) -> int:
    text = _text(entry.get("PRIORITY"))
    return int(text) if text in tuple("01234567") else 6
