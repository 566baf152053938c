"""Which services ended or were restarted, why and by whom, as marks in their history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nuwa.agent.host import deaths, script_log
from nuwa.agent.host.deaths import End
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.schemas import Mark
from nuwa.agent.stats.store import Store

RECENT_S = 180.0
"""Maximum seconds after a request during which a start is attributed to it."""
TOGETHER_S = 60.0
"""Ends of a service that are closer together become one mark, so that a crash loop leaves one a minute."""
MAX_MARKS = 50
"""Maximum marks of one service in one check, such as after a long time without the agent."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class _Asked:
    """A request to restart a service.

    Args:
        since, until: seconds of the monotonic clock between which a start is attributed to it.
    """

    who: str
    since: float
    until: float


@dataclass(frozen=True)
class _Start:
    """What systemd reports about a unit, as far as it is relevant to restarts.

    Args:
        at: when it was last started, in microseconds of the monotonic clock; 0 if never.
        restarts: how often systemd itself has restarted it since someone started it.
    """

    unit: str
    at: int
    ended_at: int
    restarts: int
    state: str


class Restarts:
    """Compares systemd's reports with the previous ones, and looks up reasons for changes in the journal.

    Noted ends are kept in the store, so that those during the agent's absence are noted later.
    """

    def __init__(self) -> None:
        self._starts: dict[str, _Start] = {}
        self._asked: dict[str, _Asked] = {}
        self._unexplained: set[str] = set()

    def expect(self, name: str, who: str, seconds: float = RECENT_S) -> None:
        """Note that someone is restarting a service, which takes at most this many seconds."""
        now = time.monotonic()
        self._asked[name] = _Asked(who, now, now + seconds)

    def settle(self, name: str) -> None:
        """Note that the requested restart is finished."""
        if name in self._asked:
            self._asked[name] = replace(self._asked[name], until=time.monotonic())

    async def look(self, store: Store, everything: list[Service], units: Mapping[str, Properties]) -> None:
        """Note what happened since the last check.

        Raises:
            NuwaError: the journal cannot be read; the next check finds the same changes.
        """
        starts = {service.name: _start(service, units[service.unit])
                  for service in everything if service.unit in units}  # fmt: skip
        changed = [
            service
            for service in everything
            if service.name in starts and starts[service.name] != self._starts.get(service.name)
        ]
        if not changed:
            return
        boot = BOOT_ID.read_text().strip()
        noted = await asyncio.to_thread(store.ends, boot)
        # More ends may follow soon, and belong to the same mark.
        changed = [service for service in changed if not _is_recent(noted.get(service.name, 0))]
        found = await deaths.ends(changed) if changed else {}
        marks: list[tuple[str, Mark]] = []
        ends: dict[str, int] = {}
        for service in changed:
            last = noted.get(service.name, 0)
            fresh = [end for end in found.get(service.name, ()) if end.at > last]
            if (made := self._marks(service, starts[service.name], last, fresh)) is not None:
                marks += [(service.name, mark) for mark in made]
                ends |= {service.name: fresh[-1].at} if fresh else {}
        await asyncio.to_thread(store.note, marks, boot, ends)  # somebody may be reading two years of it

    def _marks(self, service: Service, now: _Start, last: int, fresh: list[End]) -> list[Mark] | None:
        """The marks for what happened to a service; None if the journal may not be complete yet."""
        name = service.name
        before = self._starts.get(name)
        text = self._by_whom(service, before, now, [last, *(end.at for end in fresh)])
        if text == _SILENT and name not in self._unexplained:
            self._unexplained.add(name)
            return None
        self._unexplained.discard(name)
        *earlier, newest = list(_groups(fresh)) or [[]]
        marks = [_mark(group) for group in earlier] + ([_mark(newest, now.state)] if newest else [])
        marks = marks[-MAX_MARKS:]
        if text:
            marks.append({"at": _when(now.at), "kind": "restart", "text": text})
        self._starts[name] = now
        return marks

    def _by_whom(self, service: Service, before: _Start | None, now: _Start, ends: Iterable[int]) -> str:
        """Who started it since the last check; empty: nobody, or systemd after an end that is noted."""
        asked = self._asked.get(service.name)
        is_same = before is not None and before.unit == now.unit
        # systemd resets its counter when somebody restarts a service.
        goes_on = before is not None and is_same and 0 < before.restarts < now.restarts
        if asked and asked.since <= now.at / 1e6 <= asked.until and before and before.at and not goes_on:
            del self._asked[service.name]
            return f"restarted by {asked.who}"
        if before is None or not is_same or before.at in (0, now.at) or not now.at:
            return ""
        if now.restarts and any(before.at < end < now.at for end in ends):
            return ""
        if now.restarts > before.restarts:
            return _SILENT
        script = script_log.at_work(service.deployment, _when(now.at)) if service.deployment else ""
        return f"restarted by {script}" if script else "restarted, not by nuwa"


_SILENT = "ended and was restarted by systemd"
"""The text of a mark if the journal gives no reason."""


def _start(service: Service, properties: Properties) -> _Start:
    names = ("ActiveEnterTimestampMonotonic", "InactiveEnterTimestampMonotonic", "NRestarts")
    started, ended, restarts = (int(properties.get(name) or "0") for name in names)
    return _Start(service.unit, started, ended, restarts, properties.get("SubState", ""))


def _groups(ends: Sequence[End]) -> Iterator[list[End]]:
    """Groups of ends that are close together."""
    group: list[End] = []
    for end in ends:
        if group and end.at - group[-1].at > TOGETHER_S * 1e6:
            yield group
            group = []
        group.append(end)
    if group:
        yield group


def _mark(ends: list[End], state: str = "") -> Mark:
    """One mark for ends that were close together.

    Args:
        state: systemd's name for the current state of the service, if these ends are the newest.
    """
    last = ends[-1]
    text = "ended" if len(ends) == 1 else f"ended {len(ends)} times"
    if last.is_restarted:
        text += " and was restarted by systemd"
    elif state.startswith("auto-restart"):
        text += " and is being restarted by systemd"
    return {
        "at": _when(last.at),
        "kind": "restart",
        "text": text + (f": {last.reason}" if last.reason else ""),
    }


def _is_recent(at: int) -> bool:
    return bool(at) and time.monotonic() - at / 1e6 < TOGETHER_S


def _when(at: int) -> float:
    """A time of the monotonic clock in Unix seconds."""
    return time.time() - (time.monotonic() - at / 1e6)
