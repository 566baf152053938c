"""Points in time as people type them."""

from __future__ import annotations

import re
import time
from datetime import datetime

from nuwa.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO = re.compile(r"-?(\d{1,6})([smhdw])")


def moment(text: str, now: float | None = None) -> float:
    """Unix seconds of `-1h`, `2d`, `today`, `yesterday`, `2026-11-22` or `2026-11-22 10:00`.

    Args:
        now: Unix seconds; by default the current time.

    Raises:
        UsageError: it is none of these.
    """
    current = time.time() if now is None else now
    if found := _AGO.fullmatch(text):
        return current - int(found[1]) * _UNITS[found[2]]
    midnight = datetime.fromtimestamp(current).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        return midnight.timestamp() - (86400 if text == "yesterday" else 0)
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        hint = "Use -1h, -2d, today, 2026-11-22 or '2026-11-22 10:00'."
        raise UsageError(f"{text!r} is not a point in time", hint=hint) from None
