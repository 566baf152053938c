"""Periods as people write them, and the resolution in which they are shown. Pure."""

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
"""Maximum length of a period in seconds, and the seconds of each of its points."""
SHORTEST_S = 600
LONGEST_S = DAYS.reach_s


def seconds(text: str) -> int:
    """The seconds of a period: `90m`, `24h`, `7d`, `2w`, `1y`; as in `nuwa log`, a leading `-` is ignored.

    Raises:
        UsageError: it is not a period, or is longer than the longest retention.
    """
    found = re.fullmatch(r"-?([0-9]{1,6})([mhdwy])", text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not SHORTEST_S <= length <= LONGEST_S:
        raise UsageError(f"{text[:40]!r} is not a period from 10m to 2y", hint="Examples: 24h, 7d, 30d, 1y.")
    return length


def step(length: int) -> int:
    """Seconds per point, chosen so that a period has a few hundred points."""
    return next(step for most, step in _STEPS if length <= most or not most)
