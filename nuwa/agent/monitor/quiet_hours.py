"""Hours in which a channel stays silent."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def until(hours: str, zone: str, now: float) -> float:
    """When a channel may send again; `now` if it may at once.

    Args:
        hours: `22:00-07:00`; empty: no quiet hours.
        zone: a name such as `Europe/Berlin`; empty: the host's own.
        now: Unix seconds.
    """
    if not hours:
        return now
    begin, _, end = hours.partition("-")
    first, last = time.fromisoformat(begin), time.fromisoformat(end)
    known = zone_of(zone)
    local = datetime.fromtimestamp(now, known) if known else datetime.fromtimestamp(now).astimezone()
    clock = local.time()
    is_quiet = first <= clock < last if first < last else clock >= first or clock < last
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if first > last and clock >= first else 0)
    # Daylight saving time may change meanwhile: the local time at the end counts.
    then = datetime.combine(day, last, known)
    return (then if known else then.astimezone()).timestamp()


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone; None for the host's own.

    A name that this host no longer knows, for example after an update, also counts as the host's own: an
    alert with a different hour is better than none.
    """
    if not name:
        return None
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
