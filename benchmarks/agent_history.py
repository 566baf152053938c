"""Two years of history of many services: its size, and how soon the dashboard draws a year of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from nuwa.agent.stats.latencies import bucket
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.resolutions import DAYS, HOURS, MINUTES
from nuwa.agent.stats.store import HOST, Store

SERVICES = 50
SEED = 19


def fill(path: Path, names: list[str]) -> None:
    """Write the maximum history of these services and the host, with random values and constant use."""
    chance = random.Random(SEED)  # noqa: S311 - data for figures, not secrets
    durations = {
        one: [_durations(chance, min(60 * one.step // 60, 3600)) for _ in range(20)]
        for one in (DAYS, HOURS, MINUTES)
    }
    store = Store(path)
    now = int(time.time()) // 86400 * 86400
    with store._connection:
        store._connection.execute("begin")
        for one in (DAYS, HOURS, MINUTES):
            for number in range(one.kept):
                at = now - one.step * (one.kept - number)
                store._put(
                    one, {name: _point(chance, at, one.step // 60, durations[one]) for name in (HOST, *names)}
                )
        # The coarser resolutions already contain all of it.
        store._connection.execute("update resolutions set rolled = number")
    store._connection.execute("pragma wal_checkpoint(truncate)")
    store.close()


def _durations(chance: random.Random, count: int) -> Counter[int]:
    return Counter(bucket(chance.lognormvariate(-3, 1)) for _ in range(count))


def _point(chance: random.Random, at: int, minutes: int, durations: list[Counter[int]]) -> Point:
    rates = {name: chance.random() * 1e6 for name in ("received", "sent", "read", "written")}
    took = chance.choice(durations)
    return Point(
        at=at,
        minutes=minutes,
        cpu=chance.random(),
        memory=chance.randrange(2**30),
        **rates,
        requests=took.total(),
        errors=chance.randrange(5),
        took=took,
    )
