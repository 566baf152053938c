"""Counters since the agent's start as OpenMetrics text, which Prometheus and others scrape. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nuwa.agent.schemas import ServiceRow
from nuwa.agent.stats import latencies
from nuwa.agent.stats.latencies import Latencies
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.store import HOST

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration buckets, in seconds: the defaults of Prometheus' own libraries."""


@dataclass
class Totals:
    """The counters of a service; sizes are in bytes."""

    cpu: float = 0.0
    received: float = 0.0
    sent: float = 0.0
    read: float = 0.0
    written: float = 0.0
    requests: int = 0
    errors: int = 0
    took: Latencies = field(default_factory=Latencies)
    last: Point | None = None

    def add(self, point: Point, seconds: float) -> None:
        """Add what was measured over this many seconds: a minute, or less after the agent's start."""
        for name in ("cpu", "received", "sent", "read", "written"):
            setattr(self, name, getattr(self, name) + (getattr(point, name) or 0) * seconds)
        self.requests += point.requests or 0
        self.errors += point.errors or 0
        self.took.update(point.took)
        self.last = point


_COUNTERS = (
    ("cpu_seconds", "CPU time.", "cpu"),
    ("network_receive_bytes", "Bytes received.", "received"),
    ("network_transmit_bytes", "Bytes sent.", "sent"),
    ("disk_read_bytes", "Bytes read.", "read"),
    ("disk_written_bytes", "Bytes written.", "written"),
)
_OF_REQUESTS = (
    ("requests", "Requests that nginx answered.", "requests"),
    ("request_errors", "Those of them with a status of 500 and above.", "errors"),
)


def text(totals: Mapping[str, Totals], rows: list[ServiceRow]) -> str:
    """All metric families, each once, in the order that the format requires."""
    services = {name: total for name, total in totals.items() if name != HOST}
    host = {name: total for name, total in totals.items() if name == HOST}
    lines = [*_states(rows), *_usage("nuwa_service_", services), *_usage("nuwa_host_", host)]
    asked = {
        name: total for name, total in services.items() if total.last and total.last.requests is not None
    }
    for name, about, attribute in _OF_REQUESTS:
        lines += _family(f"nuwa_service_{name}", "counter", about)
        lines += (_sample(f"nuwa_service_{name}_total", owner, getattr(total, attribute))
                  for owner, total in asked.items())  # fmt: skip
    lines += _durations(asked)
    return "\n".join([*lines, "# EOF", ""])


def _states(rows: list[ServiceRow]) -> Iterator[str]:
    yield from _family("nuwa_service_up", "gauge", "1 while the service runs.")
    yield from (_sample("nuwa_service_up", row["name"], int(row["status"] == "running")) for row in rows)
    yield from _family("nuwa_service_restarts", "counter", "Restarts by systemd since somebody started it.")
    yield from (_sample("nuwa_service_restarts_total", row["name"], row["restarts"]) for row in rows)


def _usage(prefix: str, totals: Mapping[str, Totals]) -> Iterator[str]:
    for name, about, attribute in _COUNTERS:
        yield from _family(f"{prefix}{name}", "counter", about)
        for owner, total in totals.items():
            yield _sample(f"{prefix}{name}_total", owner, round(getattr(total, attribute), 3))
    yield from _family(f"{prefix}memory_bytes", "gauge", "Memory in use.")
    for owner, total in totals.items():
        if total.last and total.last.memory is not None:
            yield _sample(f"{prefix}memory_bytes", owner, total.last.memory)


def _durations(totals: Mapping[str, Totals]) -> Iterator[str]:
    name = "nuwa_service_request_duration_seconds"
    yield from _family(name, "histogram", "Time to answer, out of nginx's access logs.")
    for owner, total in totals.items():
        for bound in BOUNDS:
            within = sum(count for number, count in total.took.items() if number <= latencies.bucket(bound))
            yield _sample(f"{name}_bucket", owner, within, f',le="{bound}"')
        yield _sample(f"{name}_bucket", owner, total.took.total(), ',le="+Inf"')
        yield _sample(f"{name}_count", owner, total.took.total())
        seconds = sum(latencies.middle(number) * count for number, count in total.took.items())
        yield _sample(f"{name}_sum", owner, round(seconds, 4))


def _family(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# TYPE {name} {kind}", f"# HELP {name} {about}"


def _sample(name: str, owner: str, value: float, more: str = "") -> str:
    """One line. Names of services contain only letters, digits and `-`, so nothing has to be escaped."""
    labels = f'service="{owner}"{more}' if owner else more.removeprefix(",")
    return f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
