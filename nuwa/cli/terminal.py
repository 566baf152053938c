"""Tables and colours of the commands that show services."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence

_CODES = {"green": "32", "red": "31", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


def is_coloured() -> bool:
    """Whether a person looks at colours on standard output (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str) -> str:
    """`text` in colours, where somebody sees them."""
    if not styles or not is_coloured():
        return text
    return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def plain(text: str) -> str:
    """What a program wrote, without what would move the cursor or colour the terminal."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a head, in columns; cells may be painted."""
    everything = [[paint(cell, "dim") for cell in head], *rows]
    widths = [max(_width(row[column]) for row in everything) for column in range(len(head))]
    lines = []
    for row in everything:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    return len(_ESCAPE.sub("", text))


def age(since: float | None, now: float | None = None) -> str:
    """How long ago something was, in one unit: `5s`, `64m`, `3h`, `12d`."""
    if since is None:
        return ""
    seconds = max(0, int((time.time() if now is None else now) - since))
    for unit, size, limit in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172800)):
        if seconds < limit:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86400}d"


def aged(since: float, now: float) -> str:
    """An age, the younger the brighter."""
    seconds = now - since
    styles = ("green", "bold") if seconds < 60 else ("green",) if seconds < 600 else ()
    styles = styles or (("yellow",) if seconds < 3600 else () if seconds < 86400 else ("dim",))
    return paint(f"{age(since, now):>4}", *styles)


def size(count: int | None) -> str:
    """Bytes in a unit that fits."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "K", "M", "G"):
        if value < 1000:
            return f"{value:.0f}{unit}" if value >= 10 or unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"
