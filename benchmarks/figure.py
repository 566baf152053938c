"""One measured figure: ours, the opponent's, and the target for both."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row of the table.

    Args:
        title: what was measured.
        ours: the values of nuwa, one per round.
        theirs: the opponent's, from the same rounds; empty where the target is absolute.
        opponent: what it is compared with.
        unit: the unit of both.
        target: the maximum ratio of the medians, or, without an opponent, the maximum value.
        decimals: how many digits of `ours` and `theirs` are worth showing.
    """

    title: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    opponent: str = ""
    unit: str
    target: float
    decimals: int = 0

    @classmethod
    def of(cls, title: str, values: Mapping[str, Sequence[float]], **rest: Any) -> Figure:
        """A figure from the results of `interleaved` for `ours` and `theirs`."""
        return cls(title=title, ours=values["ours"], theirs=values["theirs"], **rest)

    @property
    def value(self) -> float:
        """The value that the target limits."""
        own = statistics.median(self.ours)
        return own / statistics.median(self.theirs) if self.theirs else own

    @property
    def met(self) -> bool:
        return self.value <= self.target

    def cells(self) -> tuple[str, ...]:
        """Title, ours, theirs, measured, target, verdict: as they are printed."""
        own, other = (self._amount(values) for values in (self.ours, self.theirs))
        if self.theirs:
            measured, target = f"{self.value:.2f} ×", f"≤ {self.target:g} ×"
        else:
            measured, target = own, f"≤ {self.target:g} {self.unit}".rstrip()
        other = f"{other} ({self.opponent})" if self.theirs else ""
        return (self.title, own, other, measured, target, "met" if self.met else "MISSED")

    def _amount(self, values: Sequence[float]) -> str:
        """The median, and the range if there were several rounds."""
        if not values:
            return ""
        text = f"{statistics.median(values):.{self.decimals}f}"
        if len(set(values)) > 1:
            text += f" ({min(values):.{self.decimals}f}–{max(values):.{self.decimals}f})"
        return f"{text} {self.unit}".rstrip()


HEADINGS = ("Figure", "nuwa", "opponent", "measured", "target", "")


def table(figures: Sequence[Figure]) -> str:
    return aligned([HEADINGS, *(figure.cells() for figure in figures)])


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table with aligned columns, readable as plain text too; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
