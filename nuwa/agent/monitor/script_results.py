"""The results of deploys, from bin/deploy's log: started by hand, by a hook or by `nuwa deploy`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from nuwa import files
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.monitor.results import Finding
from nuwa.errors import NuwaError

MAX_BYTES = 256 * 1024
"""Bytes of a log that are read at once; earlier ones are skipped."""
MAX_DEPLOYS = 100
"""Unfinished deploys that are stored."""
_LINE = re.compile(r"\S+Z bin/deploy\[(?P<process>\d+)\]: (?P<text>.*)")
_STARTED = re.compile(r"started by (?P<who>[^\s:]+)")
_BEGUN = re.compile(r"starting |running the release hook")
_DONE = re.compile(r"\S+ is at release (?P<release>.*)")
_ERROR = "error: "


@dataclass(frozen=True)
class _Deploy:
    """A deploy that is under way.

    Args:
        has_begun: whether it has started something.
    """

    who: str = ""
    has_begun: bool = False


class ScriptResults:
    """Continues where it stopped, also after a restart of the agent.

    Args:
        path: the file that stores the position in each log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, list[int]] = files.read_json(path, {})
        self._deploys: dict[str, _Deploy] = {}

    def new(self, service: str, deployment: Deployment) -> list[Finding]:
        """The deploys that have ended since the last call; none at the first call.

        A log that did not exist at the last call is new as a whole.

        Raises:
            NuwaError: the position cannot be stored.
        """
        log, key = deployment.folder / "volumes/.nuwa/nuwa.log", str(deployment.folder)
        before = self._places.get(key)
        try:
            with _opened(log) as file:
                place, text = _since(file, before)
        except FileNotFoundError:
            place, text = before or [0, 0], b""
        except OSError:
            return []
        if place == before:
            return []
        if before and before[0] != place[0]:
            text = _rest(log.with_name("nuwa.log.1"), before) + text
        self._remember({**self._places, key: place})
        return list(self._read(service, key, text.decode("utf-8", "replace")))

    def _read(self, service: str, key: str, text: str) -> Iterator[Finding]:
        for line in text.splitlines():
            found = _LINE.fullmatch(line)
            if found is None:
                continue
            said, process = found["text"], f"{key} {found['process']}"
            if started := _STARTED.match(said):
                self._note(process, _Deploy(started["who"]))
            elif _BEGUN.match(said):
                self._note(process, replace(self._deploys.get(process, _Deploy()), has_begun=True))
            elif done := _DONE.fullmatch(said):
                who = self._deploys.pop(process, _Deploy()).who
                by = f", deployed by {who}" if who else ""
                yield _finding(service, "ok", f"release {done['release']} serves{by}")
            elif said.startswith(_ERROR) and self._deploys.pop(process, _Deploy()).has_begun:
                # A wrong option is an error too, but not a failed deploy.
                yield _finding(service, "failed", said.removeprefix(_ERROR))

    def _note(self, process: str, deploy: _Deploy) -> None:
        self._deploys[process] = deploy
        while len(self._deploys) > MAX_DEPLOYS:
            del self._deploys[next(iter(self._deploys))]

    def _remember(self, places: dict[str, list[int]]) -> None:
        """Store the position: on disk first, so that after a failure the same lines are read again."""
        try:
            files.write_json(self._path, places, mode=0o600)
        except OSError as error:
            raise NuwaError(f"{self._path} cannot be written: {error.strerror}") from None
        self._places = places


def _opened(log: Path) -> BinaryIO:
    return os.fdopen(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _since(file: BinaryIO, before: list[int] | None) -> tuple[list[int], bytes]:
    """How far a log is read now, its inode first, and its whole lines since the place before."""
    status = os.fstat(file.fileno())
    place = [status.st_ino, status.st_size]
    if before is None or before == place:
        return place, b""
    is_same = before[0] == status.st_ino and before[1] <= status.st_size
    file.seek(max(before[1] if is_same else 0, status.st_size - MAX_BYTES))
    whole, end, unfinished = file.read(MAX_BYTES).rpartition(b"\n")
    place[1] -= len(unfinished)
    return place, whole + end


def _rest(old: Path, before: list[int]) -> bytes:
    """What was written to a log between the last time and its rotation."""
    try:
        with _opened(old) as file:
            place, text = _since(file, before)
    except OSError:
        return b""
    return text if place[0] == before[0] else b""


def _finding(service: str, state: str, message: str) -> Finding:
    return Finding(f"deploy {service}", "deploy", service, state, message[:500])
