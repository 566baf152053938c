"""The curves of a history."""

from __future__ import annotations

from typing import Any

import pytest

from nuwa.dashboard import charts

NOTHING = (
    "cpu",
    "memory",
    "received",
    "sent",
    "read",
    "written",
    "space",
    "requests",
    "errors",
    "p50",
    "p95",
    "p99",
)


def stats(points: dict[int, dict[str, Any]], marks: Any = ()) -> Any:
    made = [
        {"at": 1000 + at, "minutes": 1, **dict.fromkeys(NOTHING), **known} for at, known in points.items()
    ]
    return {"name": "web", "since": 1000, "step": 60, "points": made, "marks": list(marks), "total": None}


def shown(points: dict[int, dict[str, Any]], marks: Any = ()) -> charts.Page:
    return charts.page(stats(points, marks), 1000 + 600)


def test_only_what_was_measured_has_a_chart():
    page = shown({0: {"cpu": 0.5, "requests": 30, "errors": 3}, 60: {"cpu": 1.0}})
    assert [chart.title for chart in page.charts] == ["CPU", "Requests", "Errors"]


def test_a_curve_goes_from_left_to_right_and_up():
    (chart,) = shown({0: {"cpu": 0.5}, 300: {"cpu": 1.0}, 360: {"cpu": 0.0}}).charts
    assert chart.top == "100%"
    assert chart.curves[0].path == "M0.0 50.0h100.0M500.0 0.0L600.0 100.0"


def test_a_gap_in_what_was_measured_stays_a_gap_in_curve_and_area():
    (chart,) = shown(
        {0: {"cpu": 1}, 60: {"cpu": 1}, 120: {"cpu": None}, 240: {"cpu": 1}, 300: {"cpu": 1}}
    ).charts
    assert chart.curves[0].path.count("M") == 2
    assert chart.curves[0].area.count("Z") == 2


def test_it_is_said_in_words_too():
    (chart,) = shown({0: {"memory": 2**20}, 60: {"memory": 3 * 2**20}}).charts
    assert chart.curves[0].said == "average 2.0M, maximum 3.0M"
    assert chart.top == "4.0M"


def test_marks_stand_where_they_happened_and_the_newest_is_first_in_the_list():
    page = shown(
        {0: {"cpu": 1}},
        [{"at": 1150, "kind": "deploy", "text": "a"}, {"at": 1300, "kind": "alert", "text": "b"}],
    )
    assert [(notch.x, notch.kind) for notch in page.charts[0].notches] == [
        (250.0, "deploy"),
        (500.0, "alert"),
    ]
    assert [mark["text"] for mark in page.marks] == ["b", "a"]


def test_nothing_at_all_is_no_chart():
    assert shown({}).charts == []


@pytest.mark.parametrize(
    ("value", "base", "top"),
    [(0.05, 10, 0.05), (0.31, 10, 0.5), (1, 10, 1), (7, 10, 10), (3 * 2**20, 1024, 4 * 2**20)],
)
def test_the_upper_edge_is_a_round_number(value, base, top):
    assert charts.ceiling(value, base) == pytest.approx(top)
