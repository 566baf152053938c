"""Joins long lines, which conmon and journald split into several entries of the journal. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.agent.schemas import Line

MAX_LINE_CHARS = 1024 * 1024
"""A longer line is shown in parts."""
MAX_WAITING = 64
"""Maximum number of incomplete lines."""


@dataclass(frozen=True)
class Entry:
    """An entry of the journal.

    Args:
        source: the same for all pieces of a line; empty if lines are not split.
        is_partial: whether the line continues in the next entry of that source: conmon marks each piece of
        8 KiB but the last, journald marks lines that it split at LineMax.
    """

    line: Line
    source: str = ""
    is_partial: bool = False


class Joiner:
    """Puts the pieces of lines together; pieces of several sources may come in any order."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Line]] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether the rest of a line is missing."""
        return bool(self._waiting)

    def take(self, entry: Entry) -> list[Line]:
        """The lines that are complete with this entry."""
        pieces = [*self._waiting.pop(entry.source, ()), entry.line] if entry.source else [entry.line]
        is_long = sum(len(piece["text"]) for piece in pieces) >= MAX_LINE_CHARS
        if not entry.is_partial or not entry.source or is_long:
            return [_joined(pieces)]
        self._waiting[entry.source] = pieces
        if len(self._waiting) > MAX_WAITING:
            return [_joined(self._waiting.pop(next(iter(self._waiting))))]
        return []

    def rest(self) -> list[Line]:
        """The pieces of lines that were never completed."""
        found = [_joined(pieces) for pieces in self._waiting.values()]
        self._waiting.clear()
        return found


def _joined(pieces: list[Line]) -> Line:
    """One line, with the time of the first piece and the cursor of the last."""
    if len(pieces) == 1:
        return pieces[0]
    text = "".join(piece["text"] for piece in pieces)
    return {**pieces[0], "text": text, "cursor": pieces[-1]["cursor"]}
