"""Tables and colours of the commands that show services."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from nuwa.humanize import age

_CODES = {"green": "32", "red": "31", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def is_coloured() -> bool:
    """Whether standard output shows colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str) -> str:
    """`text` in colours, if the terminal shows them."""
    if not styles or not is_coloured():
        return text
    return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a head, in columns; cells may be painted."""
    everything = [[paint(cell, "dim") for cell in head], *rows]
    widths = [max(_width(row[column]) for row in everything) for column in range(len(head))]
    lines = []
    for row in everything:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def cut(text: str, width: int) -> str:
    """A line cut to a width; a line that is too long loses its colours."""
    return text if _width(text) <= width else _ESCAPE.sub("", text)[:width]


def _width(text: str) -> int:
    return len(_ESCAPE.sub("", text))


def aged(since: float, now: float) -> str:
    """An age, newer ones brighter."""
    seconds = now - since
    styles = ("green", "bold") if seconds < 60 else ("green",) if seconds < 600 else ()
    styles = styles or (("yellow",) if seconds < 3600 else () if seconds < 86400 else ("dim",))
    return paint(f"{age(since, now):>4}", *styles)
