"""How figures are judged and shown, and that sides take turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import MEASURES, PAGE
from benchmarks.figure import Figure, table
from benchmarks.measure import interleaved
from benchmarks.record import Conditions, Record, keep, kept
from benchmarks.report import page

RATIO = Figure(
    title="start", ours=[210, 190, 200], theirs=[100, 90, 400], opponent="bare", unit="ms", target=2.2
)
ABSOLUTE = Figure(title="label", ours=[28.84], unit="KiB", target=64, decimals=1)


def test_a_ratio_is_that_of_the_medians() -> None:
    assert RATIO.value == 2.0
    assert RATIO.met
    cells = ("start", "200 (190–210) ms", "100 (90–400) ms (bare)", "2.00 ×", "≤ 2.2 ×", "met")
    assert RATIO.cells() == cells


def test_without_an_opponent_the_value_itself_counts() -> None:
    assert ABSOLUTE.cells() == ("label", "28.8 KiB", "", "28.8 KiB", "≤ 64 KiB", "met")


@pytest.mark.parametrize(("target", "verdict"), [(2.0, "met"), (1.99, "MISSED")])
def test_the_target_itself_is_met_and_more_is_missed(target: float, verdict: str) -> None:
    figure = Figure.of("x", {"ours": [2], "theirs": [1]}, opponent="y", unit="s", target=target)
    assert figure.cells()[-1] == verdict


def test_the_table_is_markdown_with_aligned_columns() -> None:
    lines = table([RATIO, ABSOLUTE]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].startswith("| Figure ")
    assert set(lines[1]) == {"|", "-"}


def test_sides_take_turns_and_every_other_round_is_reversed() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    values = interleaved(3, a=lambda: side("a"), b=lambda: side("b"))
    assert "".join(order) == "abbaab"
    assert values == {"a": [1.0] * 3, "b": [1.0] * 3}


def test_every_measure_says_what_it_measures() -> None:
    assert all(measure.__doc__ for measure in MEASURES.values())


def test_what_was_measured_is_kept_by_name_and_replaced(tmp_path: Path) -> None:
    conditions = Conditions(date="2026-11-29", commit="0123abcd", load=0.5, machine="2 × a processor")
    keep(Record(name="start", conditions=conditions, figures=[RATIO]), tmp_path)
    (read,) = kept(["label", "start"], tmp_path)
    assert (read.conditions, read.figures[0].cells()) == (conditions, RATIO.cells())
    keep(Record(name="start", conditions=conditions, figures=[ABSOLUTE]), tmp_path)
    assert [figure.cells() for figure in kept(["start"], tmp_path)[0].figures] == [ABSOLUTE.cells()]


def test_the_page_names_the_conditions_once_for_each_run() -> None:
    conditions = Conditions(date="2026-11-29", commit="0123abcd", load=0.5, machine="2 × a processor")
    text = page([Record(name="start", conditions=conditions, figures=[RATIO, ABSOLUTE])])
    assert text.count("2026-11-29, 0123abcd, load 0.5") == 1
    assert "Measured on 2 × a processor." in text


def test_the_page_is_what_the_kept_results_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(kept(MEASURES)), "script/bench NAME writes the page"
