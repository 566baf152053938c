"""Response times, counted in buckets that can be added up over minutes, hours and days."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable

SHORTEST_S = 0.0005
"""nginx counts milliseconds: a duration that it logs as 0 is in the first bucket."""
GROWTH = 1.1
"""The factor by which each bucket is wider than the previous one, so a percentile is at most 5 % off."""
BUCKETS = 140
"""The last bucket holds everything from five minutes on."""
_LOG = math.log(GROWTH)

Latencies = Counter[int]
"""The number of responses in each bucket."""


def bucket(seconds: float) -> int:
    """The bucket of a duration."""
    if seconds <= SHORTEST_S:
        return 0
    return min(BUCKETS - 1, 1 + int(math.log(seconds / SHORTEST_S) / _LOG))


def percentiles(counts: Latencies, shares: Iterable[float]) -> list[float | None]:
    """The durations, in seconds, within which these shares of the responses came; None if there were none."""
    total, ordered = counts.total(), sorted(counts.items())
    return [_at(ordered, share * total) if total else None for share in shares]


def _at(ordered: list[tuple[int, int]], rank: float) -> float:
    seen = itertools.accumulate(count for _, count in ordered)
    number = next(number for (number, _), so_far in zip(ordered, seen, strict=True) if so_far >= rank)
    return round(middle(number), 4)


def middle(number: int) -> float:
    """The duration, in seconds, that represents a bucket."""
    return 0.0 if number == 0 else SHORTEST_S * GROWTH ** (number - 0.5)


def pack(counts: Latencies) -> bytes | None:
    """A compact encoding: for each bucket its number, and its count with seven bits per byte."""
    packed = bytearray()
    for number, count in sorted(counts.items()):
        packed.append(number)
        while count > 127:
            packed.append(count & 127 | 128)
            count >>= 7
        packed.append(count)
    return bytes(packed) or None


def unpack(packed: bytes | None) -> Latencies:
    """Decode the result of `pack`."""
    counts: Latencies = Counter()
    values = iter(packed or b"")
    for number in values:
        count = shift = 0
        for value in values:
            count |= (value & 127) << shift
            shift += 7
            if value < 128:
                break
        counts[number] += count
    return counts
