"""Metrics, read by Prometheus' own parser."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from nuwa.agent.stats import latencies, openmetrics
from nuwa.agent.stats.openmetrics import Totals
from nuwa.agent.stats.points import Point


def totals(*points: Point, seconds: float = 60) -> Totals:
    made = Totals()
    for point in points:
        made.add(point, seconds)
    return made


def samples(text: str) -> dict[tuple[str, str, str], float]:
    return {
        (sample.name, sample.labels.get("service", ""), sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def row(name: str, status: str = "running", restarts: int = 0) -> Any:
    return {"name": name, "status": status, "restarts": restarts}


def test_the_parser_takes_everything_and_finds_what_was_counted():
    took = Counter({latencies.bucket(0.02): 30, latencies.bucket(3.0): 2})
    minute = Point(at=0, cpu=0.5, memory=4096, received=10, requests=32, errors=1, took=took)
    text = openmetrics.text(
        {"web": totals(minute, minute), "": totals(minute)}, [row("web"), row("job", "stopped", 7)]
    )
    found = samples(text)
    assert found["nuwa_service_cpu_seconds_total", "web", ""] == 60
    assert found["nuwa_host_cpu_seconds_total", "", ""] == 30
    assert found["nuwa_service_network_receive_bytes_total", "web", ""] == 1200
    assert found["nuwa_service_memory_bytes", "web", ""] == 4096
    assert found["nuwa_service_requests_total", "web", ""] == 64
    assert found["nuwa_service_request_errors_total", "web", ""] == 2
    assert found["nuwa_service_up", "job", ""] == 0
    assert found["nuwa_service_restarts_total", "job", ""] == 7
    name = "nuwa_service_request_duration_seconds"
    assert found[f"{name}_bucket", "web", "0.01"] == 0
    assert found[f"{name}_bucket", "web", "0.025"] == 60
    assert found[f"{name}_bucket", "web", "+Inf"] == found[f"{name}_count", "web", ""] == 64


def test_rates_count_for_as_long_as_they_were_measured():
    text = openmetrics.text({"web": totals(Point(at=0, cpu=0.5, received=10), seconds=12)}, [])
    found = samples(text)
    assert found["nuwa_service_cpu_seconds_total", "web", ""] == 6
    assert found["nuwa_service_network_receive_bytes_total", "web", ""] == 120


def test_before_the_first_minute_it_is_valid_too():
    assert samples(openmetrics.text({}, [])) == {}


def test_a_service_without_requests_tells_none():
    text = openmetrics.text({"job": totals(Point(at=0, cpu=1.0))}, [])
    assert "nuwa_service_requests_total" not in text
    assert samples(text)["nuwa_service_cpu_seconds_total", "job", ""] == 60
