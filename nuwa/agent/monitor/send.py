"""Sends one message over one channel, in the process `python -m nuwa.agent.monitor`.

A separate process, since apprise and its imports would stay in the agent's memory permanently.
"""

from __future__ import annotations

import logging
import re
from typing import Any

VARIABLE = "NUWA_MESSAGE"
"""The variable that holds the message: only root can read it there, and the address in it is a secret."""
MIN_SECRET_CHARS = 6
MAX_REASON_CHARS = 300


def deliver(message: dict[str, Any]) -> str:
    """Send a message.

    Args:
        message: `url`, `title`, `body` and `kind` (info, success, warning or failure).

    Returns:
        why it could not be sent; empty if it was.
    """
    import apprise

    url: str = message["url"]
    channel = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if channel is None:
        return "its url has an unknown scheme, or is incomplete"
    capture: Any = apprise.LogCapture
    with capture(level=logging.WARNING, fmt="%(message)s") as captured:
        sent = channel.notify(
            title=message["title"],
            body=message["body"],
            notify_type=message["kind"],
            body_format=apprise.NotifyFormat.TEXT,
        )
        said = captured.getvalue().strip()
    return "" if sent else without_secrets(said.splitlines()[-1] if said else "the message was rejected", url)


def without_secrets(text: str, url: str) -> str:
    """A reason without any part of the address that may be secret."""
    parts = sorted({part for part in re.split(r"[/:@?&=#,]+", url) if len(part) >= MIN_SECRET_CHARS}, key=len)
    for part in reversed(parts):
        text = text.replace(part, "…")
    return text[:MAX_REASON_CHARS]
