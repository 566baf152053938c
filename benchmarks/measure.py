"""Clocks. Rounds are interleaved (A B A B), so that other load on the machine affects both sides."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(action: Callable[[], object]) -> float:
    """The duration of an action, by the wall clock."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def interleaved(rounds: int, **actions: Callable[[], float]) -> dict[str, list[float]]:
    """The values of each action, one per round, in turn; every other round in reverse order."""
    values: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds):
        order = list(actions.items())
        for name, action in order if number % 2 == 0 else reversed(order):
            values[name].append(action())
    return values
