"""The history of one service, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from nuwa.agent.schemas import Mark, Stats
from nuwa.agent.stats import period, points
from nuwa.agent.stats.store import Store


async def of(store: Store, name: str, text: str, others: Iterable[Mark]) -> Stats:
    """What is known of a service for a period that ends now.

    Args:
        text: the period, such as `7d`.
        others: marks that the store does not have.

    Raises:
        UsageError: it is no period.
    """
    length = period.seconds(text or period.DEFAULT)
    step = period.step(length)
    since = int(time.time()) - length
    found = await asyncio.to_thread(store.read, name, since, step)
    marks = [*store.marks(name, since), *(mark for mark in others if mark["at"] >= since)]
    return {
        "name": name,
        "since": since,
        "step": step,
        "points": [points.shape(point) for point in found],
        "total": points.shape(points.merge(since, found)),
        "marks": sorted(marks, key=lambda mark: mark["at"]),
    }
