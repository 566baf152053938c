"""The resolutions of statistics and how long each is kept: minutes a day, hours a month, days two years."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resolution:
    """Points of one length.

    Args:
        step: seconds of a point.
        kept: how many points are kept for each service.
    """

    table: str
    step: int
    kept: int

    @property
    def reach_s(self) -> int:
        """Seconds that all kept points together cover."""
        return self.step * self.kept


MINUTES, HOURS, DAYS = RESOLUTIONS = (
    Resolution("minutes", 60, 1440),
    Resolution("hours", 3600, 744),
    Resolution("days", 86400, 730),
)
