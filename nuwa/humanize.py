"""Formats values, and makes foreign text safe, for terminals and pages."""

from __future__ import annotations

import re
import time

# CSI and OSC sequences, other escapes, control characters except tab and newline, bidirectional overrides.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """A program's output without anything that terminals interpret."""
    return _ESCAPES.sub("", text)


def age(since: float | None, now: float | None = None) -> str:
    """How long ago something was, in one unit: `40s`, `64m`, `30h`, `12d`; empty for None.

    Args:
        since: seconds since the epoch.
        now: the same; by default the current time.
    """
    if since is None:
        return ""
    seconds = max(0, int((time.time() if now is None else now) - since))
    for unit, length, limit in (("s", 1, 60), ("m", 60, 100 * 60), ("h", 3600, 48 * 3600)):
        if seconds < limit:
            return f"{seconds // length}{unit}"
    return f"{seconds // 86400}d"


def size(count: float | None) -> str:
    """Bytes in a suitable unit (powers of 1024): `48M`; empty for None."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "K", "M", "G"):
        if value < 1000:
            return f"{value:.0f}{unit}" if value >= 10 or unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"
