"""Which of a deployment's scripts was running at a given time, and who started it, according to their log."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from nuwa.agent import regular_files
from nuwa.agent.host.deployment import Deployment

TAIL_BYTES = 64 * 1024
LONGEST_S = 600.0
"""Seconds for which a script may log nothing while it restarts something."""
SURE_S = 15.0
"""Seconds after its last line for which a script counts as running."""
_LINE = re.compile(r"(?P<time>\S+Z) bin/(?P<script>[a-z_/-]+)\[(?P<process>\d+)\]: (?P<text>.*)")
_STARTED = re.compile(r"started by (?P<who>[^\s:]+)")


def at_work(deployment: Deployment, at: float) -> str:
    """`bin/restart, started by ada`; empty if none was.

    A script does not log its end. One that had been silent for a while was running if its last line says that
    it starts something, if it logged something later, or if its process still exists.

    Args:
        at: Unix seconds.
    """
    found, process, text, last, who, later = "", "", "", 0.0, {}, set()
    for line in _tail(deployment).splitlines():
        said = _LINE.fullmatch(line)
        if said is None or (when := _time(said["time"])) < at - LONGEST_S:
            continue
        if when > at + 1:  # times in the log are whole seconds
            later.add(said["process"])
            continue
        process, text, last = said["process"], said["text"], when
        if started := _STARTED.match(text):
            who[said["process"]] = started["who"]
        by = who.get(said["process"])
        found = f"bin/{said['script']}" + (f", started by {by}" if by else "")
    is_at_work = at - last <= SURE_S or "starting" in text or process in later or _runs(process)
    return found if is_at_work else ""


def _runs(process: str) -> bool:
    return Path("/proc", process).exists()


def _tail(deployment: Deployment) -> str:
    try:
        return regular_files.tail(deployment.folder / "volumes/.nuwa/nuwa.log", TAIL_BYTES).decode(
            "utf-8", "replace"
        )
    except OSError:
        return ""


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
