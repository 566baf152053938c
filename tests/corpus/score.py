"""How right an answer is, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.corpus.answer import Answer


@dataclass(frozen=True)
class Score:
    """The fields of one project.

    Args:
        right: as a careful person writes them.
        told: not written, and said to be open.
        silent: not written, without a word.
        wrong: written otherwise.
    """

    right: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def compare(expected: Mapping[str, Any], told: Mapping[str, str], found: Answer) -> Score:
    """Compare an answer with the expected one.

    A list counts as told where it lacks something that init speaks of, and has nothing that is not expected.

    Args:
        expected: the values by field.
        told: for a field that init may leave open: what its words have to match then.
    """
    sorted_into: dict[str, list[str]] = {"right": [], "told": [], "silent": [], "wrong": []}
    for field in dict.fromkeys([*expected, *found.fields]):
        sorted_into[_kind(field, expected.get(field), told.get(field, ""), found)].append(field)
    return Score(**{kind: tuple(fields) for kind, fields in sorted_into.items()})


def _kind(field: str, wanted: Any, told: str, found: Answer) -> str:
    given = found.fields.get(field)
    if given == wanted:
        return "right"
    if isinstance(given, list) and isinstance(wanted, list) and not set(given) <= set(wanted):
        return "wrong"
    if given is not None and not isinstance(given, list):
        return "wrong"
    if wanted is None:
        return "wrong"
    return "told" if told and re.search(told, found.words) else "silent"


def table(scores: Mapping[str, Score]) -> str:
    """A line for each project, and the sum."""
    lines = ["| project | right | told as open | missing, not told | wrong |", "|---|---|---|---|---|"]
    for name, score in scores.items():
        cells = (_cell(score.told), _cell(score.silent), _cell(score.wrong))
        lines.append(f"| {name} | {len(score.right)} | {' | '.join(cells)} |")
    counts = [
        sum(len(getattr(score, kind)) for score in scores.values())
        for kind in ("right", "told", "silent", "wrong")
    ]
    whole = sum(counts) or 1
    shares = " | ".join(f"{count} ({100 * count / whole:.1f} %)" for count in counts)
    return "\n".join([*lines, f"| **all {len(scores)}** | {shares} |"])


def _cell(fields: tuple[str, ...]) -> str:
    return f"{len(fields)}: {', '.join(fields)}" if fields else "0"
