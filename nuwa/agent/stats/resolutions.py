"""How fine statistics are, and how long they are kept: minutes a day, hours a month, days two years."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resolution:
    """Points of one length.

    Args:
        step: seconds of a point.
        kept: points that are kept of each service.
    """

    table: str
    step: int
    kept: int

    @property
    def reach_s(self) -> int:
        """Seconds that all points together are about."""
        return self.step * self.kept


MINUTES, HOURS, DAYS = RESOLUTIONS = (
    Resolution("minutes", 60, 1440),
    Resolution("hours", 3600, 744),
    Resolution("days", 86400, 730),
)
