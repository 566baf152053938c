"""How points become one."""

from __future__ import annotations

from collections import Counter

from nuwa.agent.stats import points
from nuwa.agent.stats.points import Point


def test_rates_are_averaged_by_time_counts_added_and_the_largest_memory_kept():
    merged = points.merge(
        0,
        [
            Point(at=0, minutes=3, cpu=0.4, memory=100, requests=10, errors=1, took=Counter({5: 10})),
            Point(at=180, minutes=1, cpu=0.8, memory=70, requests=20, errors=0, took=Counter({5: 5, 9: 15})),
        ],
    )
    assert (merged.minutes, merged.cpu, merged.memory) == (4, 0.5, 100)
    assert (merged.requests, merged.errors, merged.took) == (30, 1, Counter({5: 15, 9: 15}))


def test_what_is_unknown_stays_unknown_and_does_not_count_as_zero():
    merged = points.merge(0, [Point(at=0, cpu=None, requests=None), Point(at=60, cpu=0.6, requests=None)])
    assert merged.cpu == 0.6
    assert merged.requests is None
    assert merged.received is None


def test_the_space_at_the_end_counts_whatever_the_order():
    assert points.merge(0, [Point(at=60, space=5), Point(at=0, space=9)]).space == 5


def test_points_are_grouped_by_steps_in_the_order_of_time():
    found = points.by_step(
        [Point(at=360, requests=1), Point(at=0, requests=2), Point(at=299, requests=3)], 300
    )
    assert [(point.at, point.requests) for point in found] == [(0, 5), (300, 1)]


def test_a_shape_tells_percentiles_in_place_of_buckets():
    shape = points.shape(Point(at=0, took=Counter({10: 99, 80: 1})))
    assert shape["p50"] == shape["p95"]
    assert shape["p50"] is not None
    assert "took" not in shape
