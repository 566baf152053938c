"""JSON with the line of each value, and an error for duplicate keys."""

from __future__ import annotations

import json
import re
from typing import Any

from nuwa.errors import ManifestError, Problem
from nuwa.manifest.positions import Path, Place, dotted

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^,\]}\s]+")

_REMEDIES = {
    "Expecting property name": "keys need double quotes, and no comma before }",
    "Expecting ',' delimiter": "a comma is missing before this, or a bracket is open",
    "Expecting value": "a value is missing, or there is a comma before ]",
    "Extra data": "the file is one object in { }",
    "Invalid control character": "a string cannot contain a line break; write \\n",
    "Invalid \\escape": "write a literal backslash as \\\\",
    "Unterminated string": "close the quotes",
    "Illegal trailing comma": "remove the comma before the bracket",
}


def parse(text: str, file: str) -> tuple[dict[str, Any], dict[Path, Place]]:
    """The object in a JSON text, and the place of each of its parts.

    Raises:
        ManifestError: it is not JSON, not an object, or a key occurs twice in one object.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        hint = next((remedy for start, remedy in _REMEDIES.items() if error.msg.startswith(start)), "")
        raise ManifestError(file, [Problem("", f"not JSON: {error.msg}", error.lineno, hint)]) from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(file, [Problem("", f"not JSON: {error}", 1)]) from None
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        message = "contains a number out of range, or half of a surrogate pair"
        raise ManifestError(
            file, [Problem("", message, hint="this is neither a string nor a number")]
        ) from None
    if not isinstance(document, dict):
        raise ManifestError(file, [Problem("", "is not an object", 1, "the file is one object in { }")])
    scanner = _Scanner(text)
    try:
        scanner.value(())
    except RecursionError:
        raise ManifestError(file, [Problem("", "is nested too deeply", 1)]) from None
    if scanner.twice:
        raise ManifestError(file, scanner.twice)
    return document, scanner.places


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a JSON value")


class _Scanner:
    """Scans a text that is known to be valid JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.places: dict[Path, Place] = {}
        self.twice: list[Problem] = []

    def value(self, path: Path, start: int | None = None) -> None:
        self._skip()
        begin = self._at
        line = self._line(begin if start is None else start)
        self.places[path] = Place(line)
        opening = self._text[begin]
        if opening == "{":
            self._object(path)
        elif opening == "[":
            self._array(path)
        else:
            self._take(_STRING if opening == '"' else _SCALAR)
        self.places[path] = Place(line, self._text[begin : self._at])

    def _object(self, path: Path) -> None:
        self._at += 1
        while self._next("}"):
            start = self._at
            key = (*path, json.loads(self._take(_STRING)))
            if key in self.places:
                before = self.places[key].line
                self.twice.append(
                    Problem(
                        dotted(key),
                        f"is already set (line {before})",
                        self._line(start),
                        "remove one of the two",
                    )
                )
            self._skip()
            self._at += 1  # the ":"
            self.value(key, start)

    def _array(self, path: Path) -> None:
        self._at += 1
        count = 0
        while self._next("]"):
            self.value((*path, count))
            count += 1

    def _next(self, closing: str) -> bool:
        """Step to the next item; past the bracket when there is none."""
        self._skip()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip()
        if self._text[self._at] == closing:
            self._at += 1
            return False
        return True

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found, "the standard parser has accepted this text"
        self._at = found.end()
        return found.group()

    def _line(self, at: int) -> int:
        return self._text.count("\n", 0, at) + 1
