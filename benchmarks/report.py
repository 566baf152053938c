"""docs/benchmarks.md: the table of stored records, and a description of the opponents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import HEADINGS, aligned
from benchmarks.record import Record

TEXT = Path(__file__).with_name("page.md")


def page(records: Sequence[Record]) -> str:
    return TEXT.read_text(encoding="utf-8").format(table=_table(records), machines=_machines(records))


def _table(records: Sequence[Record]) -> str:
    """The rows of the table; the first row of each record has its name and conditions."""
    rows = [("Name", *HEADINGS, "run")]
    for record in records:
        made = record.conditions
        name, run = f"`{record.name}`", f"{made.date}, {made.commit}, load {made.load:g}"
        for figure in record.figures:
            rows.append((name, *figure.cells(), run))
            name = run = ""
    return aligned(rows)


def _machines(records: Sequence[Record]) -> str:
    names: dict[str, list[str]] = {}
    for record in records:
        names.setdefault(record.conditions.machine, []).append(f"`{record.name}`")
    if len(names) == 1:
        return f"Measured on {next(iter(names))}."
    return "\n".join(f"Measured on {machine}: {', '.join(those)}." for machine, those in names.items())
