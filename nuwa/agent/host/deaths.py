"""When and why services stopped unexpectedly, according to systemd, podman and the kernel in the journal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nuwa.agent.host.services import Service
from nuwa.names import SLOTS
from nuwa.process import run

FIELDS = (
    "MESSAGE,MESSAGE_ID,UNIT,_TRANSPORT,"
    "PODMAN_EVENT,PODMAN_NAME,PODMAN_ID,PODMAN_EXIT_CODE,PODMAN_HEALTH_STATUS"
)
MAX_ENTRIES = 5000
MAX_NAMED = 20
"""Services that journalctl filters by name; for more, reading the entries of all units is cheaper."""
TIMEOUT_S = 20
_EXIT = re.compile(r"Main process exited, code=(\w+), status=(\d+)")
_RESULT = re.compile(r"Failed with result '([a-z-]+)'")
_RESTARTED = "Scheduled restart job"
_STARTS = ("7d4958e842da4a758f6c1cdc7b36dcc5", "39f53479d3a045ac8e11786248231fbf")
_STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f"
"""systemd's message ids: a unit is being started, has started, is being stopped on request."""
_KILLED = 137
"""The exit code of a process killed by SIGKILL."""
_HEALTH_KILLS_S = 10.0
"""Seconds after the health check that made a container unhealthy within which podman kills it."""


@dataclass(frozen=True)
class End:
    """An unexpected end of a service.

    Args:
        at: microseconds of the monotonic clock, which changes of the clock do not affect.
        reason: a short description; empty if the journal does not tell.
        is_restarted: whether systemd has started it again.
    """

    at: int
    reason: str
    is_restarted: bool


async def ends(chosen: Sequence[Service]) -> dict[str, list[End]]:
    """The ends of services since the host's start, the oldest first, as far back as the journal is read.

    Raises:
        NuwaError: journalctl does not answer.
    """
    argv = ["journalctl", "--quiet", "--no-pager", "--boot", "--output=json", f"--output-fields={FIELDS}",
            f"--lines={MAX_ENTRIES}", *_matches(chosen)]  # fmt: skip

    def read() -> dict[str, list[End]]:
        return parse(_entries(run(argv, check=False, timeout=TIMEOUT_S).stdout), chosen)

    return await asyncio.to_thread(read)  # parsing thousands of JSON entries would block the event loop


def _matches(chosen: Sequence[Service]) -> list[str]:
    """journalctl's match terms. Only root can write entries with its user id and podman's fields."""
    is_named = len(chosen) <= MAX_NAMED
    units = [f"UNIT={unit}" for service in chosen for unit in service.units if is_named]
    containers = [container for service in chosen for container in _containers(service)]
    terms = [["_PID=1", *units]]
    if containers:
        names = [f"PODMAN_NAME={name}" for name in containers if is_named]
        events = ["PODMAN_EVENT=died", "PODMAN_EVENT=health_status"]
        terms += [["_UID=0", *events, *names], ["_TRANSPORT=kernel"]]
    return [term for group in terms for term in ("+", *group)][1:]


def _containers(service: Service) -> dict[str, str]:
    """The units of a deployment by their containers' names."""
    found = service.deployment
    if not found or not found.app:
        return {}
    places = (place for slot in SLOTS for place in found.places(slot))
    return {found.names.container(place): found.names.unit(place) for place in places}


def _entries(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


@dataclass
class _Life:
    """What the entries since a unit's last start say about it."""

    ended_at: int = 0
    is_stopping: bool = False
    of_systemd: str = ""
    of_podman: str = ""
    unhealthy_at: int | None = None
    ends: list[End] = field(default_factory=list)

    def end(self, at: int, *, is_restarted: bool) -> None:
        """Record an end; later entries belong to the next start. podman's reason takes precedence."""
        found = End(self.ended_at or at, self.of_podman or self.of_systemd, is_restarted)
        self.begin()
        self.ends.append(found)

    def begin(self) -> None:
        self.ended_at, self.is_stopping = 0, False
        self.of_systemd = self.of_podman = ""
        self.unhealthy_at = None


def parse(entries: Iterable[Mapping[str, Any]], chosen: Sequence[Service]) -> dict[str, list[End]]:
    """The ends of services in entries of the journal; services without one are left out. Pure."""
    units = {unit for service in chosen for unit in service.units}
    containers = {name: unit for service in chosen for name, unit in _containers(service).items()}
    lives: dict[str, _Life] = {}
    killed: set[str] = set()
    for entry in entries:
        message = str(entry.get("MESSAGE", ""))
        if entry.get("_TRANSPORT") == "kernel":
            killed.update(re.findall(r"libpod-([0-9a-f]{64})", message) if "oom" in message else ())
        elif "PODMAN_EVENT" in entry:
            unit = containers.get(str(entry.get("PODMAN_NAME")))
            if unit:
                _podman(lives.setdefault(unit, _Life()), entry, killed)
        elif entry.get("UNIT") in units:
            _systemd(lives.setdefault(str(entry["UNIT"]), _Life()), entry, message)
    found = {service.name: sorted(_ends(service, lives), key=lambda end: end.at) for service in chosen}
    return {name: some for name, some in found.items() if some}


def _ends(service: Service, lives: Mapping[str, _Life]) -> Iterator[End]:
    for unit in service.units:
        life = lives.get(unit, _Life())
        if life.ended_at:
            life.end(life.ended_at, is_restarted=False)
        yield from life.ends


def _podman(life: _Life, entry: Mapping[str, Any], killed: set[str]) -> None:
    if entry["PODMAN_EVENT"] == "health_status":
        is_sick = entry.get("PODMAN_HEALTH_STATUS") == "unhealthy"
        life.unhealthy_at = _at(entry) if is_sick else None
    elif entry["PODMAN_EVENT"] == "died":
        code = str(entry.get("PODMAN_EXIT_CODE", ""))
        sick = life.unhealthy_at
        if str(entry.get("PODMAN_ID")) in killed:
            life.of_podman = "out of memory"
        elif code == str(_KILLED) and sick is not None and _at(entry) - sick < _HEALTH_KILLS_S * 1e6:
            life.of_podman = f"its health check failed, exit code {code}"
        else:
            life.of_podman = _exit_code(code)


def _at(entry: Mapping[str, Any]) -> int:
    return int(entry.get("__MONOTONIC_TIMESTAMP", 0))


def _systemd(life: _Life, entry: Mapping[str, Any], message: str) -> None:
    at = _at(entry)
    if entry.get("MESSAGE_ID") == _STOPPING:
        life.is_stopping = True
    elif entry.get("MESSAGE_ID") in _STARTS:
        if life.ended_at:
            life.end(at, is_restarted=False)
        life.begin()
    elif _RESTARTED in message:
        life.end(at, is_restarted=True)
    elif life.is_stopping:
        return
    elif found := _RESULT.search(message):
        life.ended_at = at
        life.of_systemd = "out of memory" if found[1] == "oom-kill" else life.of_systemd or found[1]
    elif found := _EXIT.search(message):
        life.of_systemd = _exit_code(found[2]) if found[1] == "exited" else f"killed by signal {found[2]}"


def _exit_code(code: str) -> str:
    """The exit code, which systemd has from conmon if podman could not record it."""
    return f"exit code {code}" + (" (killed)" if code == str(_KILLED) else "")
