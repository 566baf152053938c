"""Measurements of one service, or of the host, for a minute or longer, and how points are merged. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nuwa.agent.schemas import StatsPoint, Usage
from nuwa.agent.stats import latencies
from nuwa.agent.stats.latencies import Latencies

SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One interval.

    Args:
        at: when it began, in Unix seconds.
        minutes: how many of its minutes were measured.
        cpu: cores in use, on average.
        memory: bytes, at their maximum.
        received, sent, read, written: bytes a second, on average.
        space: bytes in use on the disk of the services' data, at the end; only for the host.
        requests: responses that were sent.
        errors: those with a status of 500 and above.
    """

    at: int
    minutes: int = 1
    cpu: float | None = None
    memory: int | None = None
    received: float | None = None
    sent: float | None = None
    read: float | None = None
    written: float | None = None
    space: int | None = None
    requests: int | None = None
    errors: int | None = None
    took: Latencies = field(default_factory=Latencies)


_MEANS = ("cpu", "received", "sent", "read", "written")


def of_usage(at: int, usage: Usage) -> Point:
    """The measurements of a service."""
    net, disk = usage["net"], usage["disk"]
    return Point(
        at=at,
        cpu=usage["cpu"],
        memory=usage["memory"],
        received=net and net["incoming"],
        sent=net and net["outgoing"],
        read=disk and disk["read"],
        written=disk and disk["written"],
    )


def merge(at: int, points: Iterable[Point]) -> Point:
    """Several points merged into one: means of rates, sums of counts, the maximum of memory."""
    given = sorted(points, key=lambda point: point.at)
    took: Latencies = Latencies()
    for point in given:
        took.update(point.took)
    spaces = [point.space for point in given if point.space is not None]
    memories = [point.memory for point in given if point.memory is not None]
    return Point(
        at=at,
        minutes=sum(point.minutes for point in given),
        memory=max(memories, default=None),
        space=spaces[-1] if spaces else None,
        requests=_sum(point.requests for point in given),
        errors=_sum(point.errors for point in given),
        took=took,
        **{name: _mean(given, name) for name in _MEANS},
    )


def by_step(points: Iterable[Point], step: int) -> list[Point]:
    """Points of `step` seconds each, the oldest first."""
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(point.at - point.at % step, []).append(point)
    return [merge(at, found) for at, found in sorted(groups.items())]


def shape(point: Point) -> StatsPoint:
    """As the control API returns it."""
    p50, p95, p99 = latencies.percentiles(point.took, SHARES)
    return {
        "at": point.at,
        "minutes": point.minutes,
        "cpu": point.cpu,
        "memory": point.memory,
        "received": point.received,
        "sent": point.sent,
        "read": point.read,
        "written": point.written,
        "space": point.space,
        "requests": point.requests,
        "errors": point.errors,
        "p50": p50,
        "p95": p95,
        "p99": p99,
    }


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(points: list[Point], name: str) -> float | None:
    known = [(value, point.minutes) for point in points if (value := getattr(point, name)) is not None]
    weight = sum(minutes for _, minutes in known)
    return round(sum(value * minutes for value, minutes in known) / weight, 4) if weight else None
