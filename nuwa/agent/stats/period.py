"""Periods as people write them, and the steps in which they are shown. Pure."""

from __future__ import annotations

import re

from nuwa.agent.stats.resolutions import DAYS, HOURS, MINUTES
from nuwa.errors import UsageError

DEFAULT = "24h"
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_STEPS = (
    (6 * 3600, MINUTES.step),
    (MINUTES.reach_s, 5 * MINUTES.step),
    (HOURS.reach_s, HOURS.step),
    (0, DAYS.step),
)
"""Up to so many seconds, points of so many."""
SHORTEST_S = 600
LONGEST_S = DAYS.reach_s


def seconds(text: str) -> int:
    """A period: `90m`, `24h`, `7d`, `2w`, `1y`; as for `nuwa log`, a `-` before it changes nothing.

    Raises:
        UsageError: it is none, or longer than anything is kept.
    """
    found = re.fullmatch(r"-?([0-9]{1,6})([mhdwy])", text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not SHORTEST_S <= length <= LONGEST_S:
        raise UsageError(f"{text[:40]!r} is not a period from 10m to 2y", hint="Examples: 24h, 7d, 30d, 1y.")
    return length


def step(length: int) -> int:
    """Seconds of a point, so that a period has a few hundred of them."""
    return next(step for most, step in _STEPS if length <= most or not most)
