"""How figures are judged and shown, and that sides take turns."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import MEASURES
from benchmarks.figure import Figure, table
from benchmarks.measure import interleaved

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
