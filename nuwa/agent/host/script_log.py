"""Which of a deployment's scripts was at work at a moment, and who had started it, out of their log."""

from __future__ import annotations

import os
import re
from datetime import datetime

from nuwa.agent.host.deployment import Deployment

TAIL_BYTES = 64 * 1024
LONGEST_S = 600.0
"""Seconds for which a script may say nothing while it restarts something."""
_LINE = re.compile(r"(?P<time>\S+Z) bin/(?P<script>[a-z_-]+)\[(?P<process>\d+)\]: (?P<text>.*)")
_STARTED = re.compile(r"started by (?P<who>[^\s:]+)")


def at_work(deployment: Deployment, at: float) -> str:
    """`bin/restart, started by ada`; empty if none was.

    Args:
        at: Unix seconds.
    """
    found, who = "", {}
    for line in _tail(deployment).splitlines():
        said = _LINE.fullmatch(line)
        # Times in the log are whole seconds.
        if said is None or not at - LONGEST_S <= _time(said["time"]) <= at + 1:
            continue
        if started := _STARTED.match(said["text"]):
            who[said["process"]] = started["who"]
        by = who.get(said["process"])
        found = f"bin/{said['script']}" + (f", started by {by}" if by else "")
    return found


def _tail(deployment: Deployment) -> str:
    log = deployment.folder / "volumes/.nuwa/nuwa.log"
    try:
        handle = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            file.seek(max(0, os.fstat(handle).st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
