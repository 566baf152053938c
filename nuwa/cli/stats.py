"""`nuwa stats`: what a service, or the host, used and answered over time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import plain, size

if TYPE_CHECKING:
    from nuwa.agent.schemas import Mark, Stats, StatsPoint

app = shared.new_app()

MAX_ROWS = 24
"""Rows of the table; --json has every point."""
HEAD = (
    "TIME",
    "CPU",
    "MEMORY",
    "NET IN",
    "OUT",
    "DISK READ",
    "WRITTEN",
    "REQUESTS",
    "ERRORS",
    "P50",
    "P95",
    "P99",
)
_COLOURS = {"deploy": "cyan", "restart": "yellow", "alert": "red"}

Service = Annotated[
    str,
    typer.Argument(
        metavar="[NAME]", help="A service; default: the host.", autocompletion=host_services.complete
    ),
]
Since = Annotated[str, typer.Option(metavar="PERIOD", help="Period that ends now: 90m, 24h, 7d, 30d, 1y.")]


@shared.command(app)
def stats(name: Service = "", since: Since = "24h") -> None:
    """Show CPU, memory, network, disk, requests and their durations, with deploys, restarts and alerts.

    Rates are per second, memory is the maximum, and durations are those within which 50, 95 and 99 % of the
    requests were answered. Minutes are kept for a day, hours for a month, days for two years.
    """
    from urllib.parse import quote

    path = f"/stats/{quote(name, safe='')}" if name else "/stats"
    found: Stats = host_services.client().ask("GET", path, since=since)
    if not found["points"]:
        text = "Nothing was recorded in this period yet. The agent records once a minute."
    else:
        rows = [_row(_when(point["at"], found["step"]), point) for point in found["points"][-MAX_ROWS:]]
        text = terminal.table(HEAD, [*rows, _row(terminal.paint("all", "bold"), found["total"])])
    marks = "\n".join(map(_mark, found["marks"][-MAX_ROWS:]))
    shared.progress().result({**found}, f"{text}\n\n{marks}" if marks else text)


def _row(title: str, point: StatsPoint) -> tuple[str, ...]:
    errors = point["errors"]
    return (
        title,
        cores(point["cpu"]),
        *(size(point[key]) for key in ("memory", "received", "sent", "read", "written")),
        "" if point["requests"] is None else str(point["requests"]),
        ""
        if errors is None
        else terminal.paint(share(errors, point["requests"]), *(("red",) if errors else ())),
        *(duration(point[key]) for key in ("p50", "p95", "p99")),
    )


def cores(value: float | None) -> str:
    """CPU use in cores, with two digits."""
    return "" if value is None else f"{value * 100:.1f}%"


def share(errors: int, requests: int | None) -> str:
    """The share of errors among requests."""
    return f"{100 * errors / requests:.2g}%" if requests else ""


def duration(seconds: float | None) -> str:
    """The duration of a request."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


def _when(at: float, step: int) -> str:
    return time.strftime("%Y-%m-%d" if step >= 86400 else "%m-%d %H:%M", time.localtime(at))


def _mark(mark: Mark) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(mark["at"]))
    return f"{when}  {terminal.paint(mark['kind'], _COLOURS[mark['kind']])} {plain(mark['text'])[:200]}"
