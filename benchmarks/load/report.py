"""Results of the requests: counts, delays, and which release answered when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FAILED, UNPROCESSED = "failed", "unprocessed"
SLICE = 1.0
"""Seconds in one entry of the timeline."""


@dataclass(frozen=True)
class Sample:
    """One request: when it began (Unix time), seconds until its answer, and its outcome."""

    start: float
    seconds: float
    outcome: str
    """Empty for an answer below 400, else `failed: …` or `unprocessed: …`."""
    body: str = ""
    """The beginning of the answer: it names the release that sent it."""

    @property
    def end(self) -> float:
        return self.start + self.seconds

    def is_(self, kind: str) -> bool:
        return self.outcome.startswith(kind)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values are; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def summary(samples: Sequence[Sample]) -> dict[str, object]:
    """A summary as JSON values; delays in milliseconds."""
    delays = [sample.seconds * 1000 for sample in samples if not sample.outcome]
    return {
        "requests": len(samples),
        "failed": sum(sample.is_(FAILED) for sample in samples),
        "unprocessed": sum(sample.is_(UNPROCESSED) for sample in samples),
        "outcomes": dict(Counter(sample.outcome for sample in samples if sample.outcome)),
        "p50": round(percentile(delays, 0.50), 3),
        "p99": round(percentile(delays, 0.99), 3),
        "max": round(max(delays, default=0.0), 3),
        "answers": answers(samples),
        "timeline": timeline(samples),
    }


def answers(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """For each body: its count, and the start of the first and of the last request that it answered."""
    found: dict[str, dict[str, float]] = {}
    for sample in samples:
        if not sample.outcome:
            seen = found.setdefault(sample.body, {"count": 0, "first": sample.start, "last": sample.start})
            seen["count"] += 1
            seen["first"] = min(seen["first"], sample.start)
            seen["last"] = max(seen["last"], sample.start)
    return found


def timeline(samples: Sequence[Sample]) -> list[dict[str, float]]:
    """One entry per second: when it began, requests that ended in it, failures, p99 in milliseconds."""
    slices: dict[int, list[Sample]] = {}
    for sample in samples:
        slices.setdefault(int(sample.end // SLICE), []).append(sample)
    return [
        {
            "second": number * SLICE,
            "requests": len(inside),
            "failed": sum(sample.is_(FAILED) for sample in inside),
            "p99": round(percentile((sample.seconds * 1000 for sample in inside), 0.99), 3),
        }
        for number, inside in sorted(slices.items())
    ]
