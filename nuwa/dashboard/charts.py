"""The history of a service as charts: SVG paths, with their labels. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nuwa.agent.schemas import Mark, Stats, StatsPoint
from nuwa.dashboard.formatting import cores
from nuwa.humanize import size

WIDTH, HEIGHT = 1000, 100
"""Size of a drawing, in its own units: the page scales it."""
PERIODS = (("6h", "6 hours"), ("24h", "1 day"), ("7d", "7 days"), ("30d", "30 days"), ("1y", "1 year"))
LABELS = 5
"""Times below a chart."""
MAX_MARKS = 40
"""Marks on a chart, and rows of events below: the newest."""

Numbers = list[float | None]


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Args:
        tone: its class in the style sheet: `first`, `second`, `third`, `worst`.
        area: the area below it; empty if several lines share the chart.
        said: its average and maximum, as text.
    """

    name: str
    tone: str
    path: str
    area: str
    said: str


@dataclass(frozen=True)
class Notch:
    """A mark on a chart."""

    x: float
    kind: str
    text: str


@dataclass(frozen=True)
class Chart:
    """One drawing.

    Args:
        top: the value at its upper edge.
    """

    title: str
    top: str
    curves: list[Curve]
    notches: list[Notch]


@dataclass(frozen=True)
class Page:
    """A whole history as it is shown.

    Args:
        times: the labels below each chart, in Unix seconds.
        has_dates: whether they are dates rather than times of day.
    """

    charts: list[Chart]
    marks: list[Mark]
    times: list[float]
    has_dates: bool


@dataclass(frozen=True)
class _Line:
    name: str
    tone: str
    value: Callable[[StatsPoint], float | None]


@dataclass(frozen=True)
class _Plan:
    """The definition of a chart.

    Args:
        said: formats a value.
        least: minimum value of the upper edge.
    """

    title: str
    lines: tuple[_Line, ...]
    said: Callable[[float | None], str]
    least: float
    base: int = 10


@dataclass(frozen=True)
class _Span:
    """The period that a chart covers, in Unix seconds."""

    since: float
    length: float

    def x(self, at: float) -> float:
        """Where a time is in the drawing."""
        return (at - self.since) / self.length * WIDTH


def page(stats: Stats, now: float) -> Page:
    """The charts of everything that was measured."""
    span = _Span(stats["since"], now - stats["since"])
    times = [span.since + span.length * number / (LABELS - 1) for number in range(LABELS)]
    newest = stats["marks"][-MAX_MARKS:]
    notches = [Notch(round(span.x(mark["at"]), 1), mark["kind"], mark["text"]) for mark in newest]
    made = [_chart(plan, stats, span, notches) for plan in _CHARTS]
    return Page([chart for chart in made if chart], newest[::-1], times, span.length > 2 * 86400)


def _chart(plan: _Plan, stats: Stats, span: _Span, notches: list[Notch]) -> Chart | None:
    """A chart; None if it has no data."""
    values = {line.name: [line.value(point) for point in stats["points"]] for line in plan.lines}
    known = [value for several in values.values() for value in several if value is not None]
    if not known:
        return None
    top = ceiling(max(*known, plan.least), plan.base)
    places = [span.x(point["at"]) for point in stats["points"]]
    width = stats["step"] / span.length * WIDTH
    curves = []
    for line in plan.lines:
        stretches = list(_stretches(places, values[line.name], width))
        drawn = [
            [(x, HEIGHT - HEIGHT * min(value, top) / top) for x, value in stretch] for stretch in stretches
        ]
        area = _area(drawn) if len(plan.lines) == 1 else ""
        about = _about([value for value in values[line.name] if value is not None], plan.said)
        curves.append(Curve(line.name, line.tone, _path(drawn, width), area, about))
    return Chart(plan.title, plan.said(top), curves, notches)


def ceiling(value: float, base: int = 10) -> float:
    """The next round number: 1, 2 or 5 times a power of ten; for bytes, with base 1024, a power of two."""
    if base == 1024:
        return float(2 ** math.ceil(math.log2(max(1.0, value))))
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * 0.9999)


def _about(known: list[float], said: Callable[[float | None], str]) -> str:
    return f"average {said(sum(known) / len(known))}, maximum {said(max(known))}" if known else "no data"


def _path(drawn: list[list[tuple[float, float]]], width: float) -> str:
    """A point alone is a short line."""
    return "".join(_joined(stretch) + (f"h{width:.1f}" if len(stretch) == 1 else "") for stretch in drawn)


def _area(drawn: list[list[tuple[float, float]]]) -> str:
    return "".join(
        f"{_joined(stretch)}L{stretch[-1][0]:.1f} {HEIGHT}L{stretch[0][0]:.1f} {HEIGHT}Z" for stretch in drawn
    )


def _joined(stretch: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in stretch)


def _stretches(places: list[float], values: Numbers, width: float) -> Iterator[list[tuple[float, float]]]:
    """Continuous stretches of points: gaps in the data stay gaps."""
    stretch: list[tuple[float, float]] = []
    for x, value in zip(places, values, strict=True):
        if value is None:
            continue
        if stretch and x - stretch[-1][0] > 1.9 * width:
            yield stretch
            stretch = []
        stretch.append((max(x, 0.0), value))
    if stretch:
        yield stretch


def duration(seconds: float | None) -> str:
    """Of an answer: `12 ms`, `1.4 s`."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _bytes(value: float | None) -> str:
    return size(value) or "–"


def _bytes_a_second(value: float | None) -> str:
    return f"{_bytes(value)}/s"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g} %"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}/min"


def _error_share(point: StatsPoint) -> float | None:
    return 100 * (point["errors"] or 0) / point["requests"] if point["requests"] else None


def _requests(point: StatsPoint) -> float | None:
    return None if point["requests"] is None else point["requests"] / max(1, point["minutes"])


_CHARTS = (
    _Plan("CPU", (_Line("cores in use", "first", lambda point: point["cpu"]),), cores, 0.05),
    _Plan("Memory", (_Line("in use", "first", lambda point: point["memory"]),), _bytes, 2**20, 1024),
    _Plan("Network", (_Line("in", "first", lambda point: point["received"]),
                      _Line("out", "second", lambda point: point["sent"])), _bytes_a_second, 1024, 1024),
    _Plan("Disk", (_Line("read", "first", lambda point: point["read"]),
                   _Line("written", "second", lambda point: point["written"])), _bytes_a_second, 1024, 1024),
    _Plan("Space", (_Line("in use", "first", lambda point: point["space"]),), _bytes, 2**20, 1024),
    _Plan("Requests", (_Line("a minute", "first", _requests),), _rate, 1.0),
    _Plan("Errors", (_Line("responses with status 5xx", "worst", _error_share),), _percent, 1.0),
    _Plan("Response time", (_Line("p50", "first", lambda point: point["p50"]),
                             _Line("p95", "second", lambda point: point["p95"]),
                             _Line("p99", "third", lambda point: point["p99"])), duration, 0.01),
)  # fmt: skip
