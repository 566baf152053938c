"""Assembles the history of one service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from nuwa.agent.schemas import Mark, Stats
from nuwa.agent.stats import period, points
from nuwa.agent.stats.store import Store


async def of(store: Store, name: str, text: str, others: Iterable[Mark]) -> Stats:
    """What is known about a service for a period that ends now.

    Args:
        text: the period, such as `7d`.
        others: marks that the store does not have.

    Raises:
        UsageError: it is not a period.
    """
    length = period.seconds(text or period.DEFAULT)
    step = period.step(length)
    now = time.time()
    since = int(now) - length
    # Points from a clock that was ahead are not part of any period that ends now.
    found = [point for point in await asyncio.to_thread(store.read, name, since, step) if point.at <= now]
    noted = await asyncio.to_thread(store.marks, name, since)
    marks = [mark for mark in (*noted, *others) if since <= mark["at"] <= now]
    return {
        "name": name,
        "since": since,
        "step": step,
        "points": [points.shape(point) for point in found],
        "total": points.shape(points.merge(since, found)),
        "marks": sorted(marks, key=lambda mark: mark["at"]),
    }
