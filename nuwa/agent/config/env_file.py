"""A file of `NAME=value` lines as systemd reads it, and where other programs read it differently. Pure.

Verified with systemd 252 and 257, podman 4.3 and 5.4, uv 0.13 and dash; docker reads it as podman does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

NEWLINE = "\n\r"
BLANK = " \t\n\r"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEPT_ESCAPES = '"\\`$'

NOTES = {
    "name": "is ignored: the text before = is not a variable name, as after export",
    "no value": "is ignored: it has no =",
    "open quote": "has an unclosed quote, so all lines after it belong to this value",
    "comment continues": "is a comment that ends with a backslash, so the next line belongs to it",
    "comment": "keeps # and the rest as part of the value; sh and uv treat it as a comment",
    "dollar": "keeps $ or ` as it is; sh and uv expand it",
    "escape": "keeps a backslash and its letter in double quotes; uv turns them into a line break or tab",
    "backslash": "loses a backslash, as in sh; podman and docker keep it",
    "quotes": "loses its quotes, as in sh and uv; podman and docker keep them",
    "continued": "continues on the next line; for podman and docker it ends there",
    "blanks": "has an unquoted space; sh and uv reject that",
    "spaced": "has spaces around =, which are dropped; sh rejects that, and podman keeps them",
    "semicolon": "is a comment; for sh, uv, podman and docker only # starts one",
}
"""Notes about a line, the most serious first."""


@dataclass
class Assignment:
    """A variable.

    Args:
        line: where it begins, counted from 1.
        marks: keys of `NOTES` that apply to it.
    """

    line: int
    name: str = ""
    value: str = ""
    marks: set[str] = field(default_factory=set)


def read(text: str) -> list[Assignment]:
    """Every line that is not a plain comment, as systemd.exec(5) describes EnvironmentFile=.

    One with a mark `name`, `no value`, `semicolon` or `comment continues` sets no variable.
    """
    return list(_Reader(text).assignments())


def notes(text: str) -> list[str]:
    """Where systemd reads the file differently from other programs: a sentence each, with its lines."""
    found: dict[str, list[int]] = {}
    for item in read(text):
        for mark in item.marks:
            found.setdefault(mark, []).append(item.line)
    return [f"{_lines(found[mark])} {NOTES[mark]}" for mark in NOTES if mark in found]


def _lines(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")
    return f"line {shown}" if len(numbers) == 1 else f"each of the lines {shown}"


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def assignments(self) -> Iterator[Assignment]:
        while (char := self._peek()) is not None:
            if char in BLANK:
                self._next()
            elif char in "#;":
                yield from self._comment()
            else:
                yield self._assignment()

    def _peek(self) -> str | None:
        return self._text[self._at] if self._at < len(self._text) else None

    def _next(self) -> str | None:
        char = self._peek()
        self._at += 1
        self._line += char == "\n"
        return char

    def _comment(self) -> Iterator[Assignment]:
        found = Assignment(self._line)
        if self._peek() == ";":
            found.marks.add("semicolon")
        while (char := self._next()) is not None and char not in NEWLINE:
            if char == "\\" and (self._next() or "") in NEWLINE and self._peek() is not None:
                found.marks.add("comment continues")
        if found.marks:
            yield found

    def _assignment(self) -> Assignment:
        found, name = Assignment(self._line), ""
        while (char := self._next()) is not None and char not in NEWLINE and char != "=":
            name += char
        if char != "=":
            found.marks.add("no value")
            return found
        found.name = name.rstrip(BLANK)
        if not NAME.fullmatch(found.name):
            found.marks.add("name")
        if name != found.name or (self._peek() or "") in (" ", "\t"):
            found.marks.add("spaced")
        self._value(found)
        return found

    def _value(self, found: Assignment) -> None:
        """The parts of a value: quoted ones, and then one without quotes up to the end of the line."""
        while (char := self._next()) is not None and char not in NEWLINE:
            if char in "'\"":
                found.marks.add("quotes")
                self._quoted(found, char)
            elif char not in BLANK:
                self._bare(found, char)
                return

    def _quoted(self, found: Assignment, quote: str) -> None:
        while (char := self._next()) != quote:
            if char is None:
                found.marks.add("open quote")
                return
            if char in NEWLINE:
                found.marks.add("continued")
            if quote == '"' and char in "$`":
                found.marks.add("dollar")
            found.value += self._escaped(found) if quote == '"' and char == "\\" else char

    def _escaped(self, found: Assignment) -> str:
        """What a backslash between double quotes stands for."""
        char = self._next() or ""
        if char in _KEPT_ESCAPES:
            found.marks.add("backslash")
            return char
        if char == "\n":
            found.marks.add("continued")
            return ""
        found.marks.add("escape")
        return f"\\{char}"

    def _bare(self, found: Assignment, first: str) -> None:
        raw, char = "", first
        kept = 0
        while char and char not in NEWLINE:
            if char == "\\":
                char = self._next() or ""
                found.marks.add("continued" if char in NEWLINE and char else "backslash")
                raw += "" if char in NEWLINE else char
                kept = len(raw)
            else:
                raw += char
                found.marks |= {"dollar"} if char in "$`" else set()
            char = self._next() or ""
        value = raw[:kept] + raw[kept:].rstrip(BLANK)
        if re.search(r"[ \t]#", value):
            found.marks.add("comment")
        elif re.search(r"[ \t]", value):
            found.marks.add("blanks")
        found.value += value
