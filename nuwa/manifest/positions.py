"""The line of each table, key and array item of a TOML text, which the standard parser does not report.

`scan` reads a text that `tomllib` has already accepted, so it does not check the syntax. A parser that keeps
positions (tomlkit keeps formatting, not lines) would be one more dependency.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MULTI_LINE = re.compile(r'"""(?:[^"\\]|\\.|""?(?!"))*"{3,5}' + r"|'''(?:[^']|''?(?!'))*'{3,5}", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


@dataclass(frozen=True)
class Place:
    """A position in the file: its line, counted from 1, and for a value its source text."""

    line: int
    text: str = ""


def scan(text: str) -> dict[Path, Place]:
    """The place of every table, key and item of a valid TOML text, by its path in the document."""
    return _Scanner(text).places()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._places: dict[Path, Place] = {(): Place(1)}
        self._counts: dict[Path, int] = {}

    def places(self) -> dict[Path, Place]:
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._places

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`; each part that names a list of tables refers to its last table so far."""
        start, depth = self._at, 2 if self._text.startswith("[[", self._at) else 1
        self._at += depth
        keys = self._keys()
        self._at += depth
        table = self._resolve(keys[:-1])
        table = (*table, keys[-1])
        if depth == 2:
            self._mark(table, start)
            self._counts[table] = self._counts.get(table, 0) + 1
        table = self._resolve(table[len(table) - 1 :], table[:-1])
        self._mark(table, start)
        return table

    def _resolve(self, keys: Path, table: Path = ()) -> Path:
        for key in keys:
            table = (*table, key)
            if table in self._counts:
                table = (*table, self._counts[table] - 1)
        return table

    def _pair(self, table: Path) -> None:
        start = self._at
        keys = self._keys()
        for count in range(1, len(keys)):
            self._mark((*table, *keys[:count]), start)
        self._at += 1  # the "="
        self._skip(_SPACE)
        self._value((*table, *keys), start)

    def _keys(self) -> Path:
        keys: list[str | int] = []
        while True:
            self._skip(_SPACE)
            keys.append(self._key())
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return tuple(keys)
            self._at += 1

    def _key(self) -> str:
        if self._text[self._at] in "\"'":
            return _unquoted(self._take(_STRING))
        return self._take(_BARE_KEY)

    def _value(self, path: Path, start: int) -> None:
        begin = self._at
        self._mark(path, start)
        opening = self._text[begin]
        if opening == "[":
            self._items(path)
        elif opening == "{":
            self._inline_table(path)
        elif self._text.startswith(('"""', "'''"), begin):
            self._take(_MULTI_LINE)
        else:
            self._take(_STRING if opening in "\"'" else _SCALAR)
        self._mark(path, start, self._text[begin : self._at].strip())

    def _items(self, path: Path) -> None:
        self._at += 1
        count = 0
        while self._text[self._skip(_BLANK)] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._value((*path, count), self._at)
            count += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip(_BLANK)] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _mark(self, path: Path, start: int, text: str = "") -> None:
        if path not in self._places or text:
            self._places[path] = Place(self._text.count("\n", 0, start) + 1, text)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        assert found
        self._at = found.end()
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found, f"not TOML at {self._at}"
        self._at = found.end()
        return found.group()


def _unquoted(key: str) -> str:
    """The text of a quoted key."""
    import tomllib

    return next(iter(tomllib.loads(f"{key} = 0"))) if "\\" in key else key[1:-1]


def dotted(path: Path) -> str:
    """A path as a person writes it: `volume[0].path`, `env.clear."a b"`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{word}" if text else word
    return text
