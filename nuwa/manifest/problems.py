"""pydantic's errors in nuwa's own words: what was found, what was expected, what to do."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from nuwa.errors import Problem
from nuwa.manifest.fields import Field, describe, fields_of, kind_at, section_of, sections
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path, Place, dotted

Places = Mapping[Path, Place]


@dataclass(frozen=True)
class Language:
    """The terms and the notation of a file format, for messages and hints.

    Args:
        table: what the format calls a table.
        pair: how a key with its value is written; `{}` is the key.
        header: how a section of the document is written; `{}` is its name.
        repeated: the same for a section that may occur several times; empty: those are written as a list.
    """

    table: str
    pair: str
    header: str
    repeated: str

    def words(self, text: str) -> str:
        """A text of `describe`, in the terms of this format."""
        return text.replace("a table", self.table).replace("tables", f"{self.table.split()[-1]}s")


TOML = Language("a table", "{} = …", "[{}]", "[[{}]]")
JSON = Language("an object", '"{}": …', '"{}"', "")


@dataclass(frozen=True)
class Complaint:
    """A problem, and the paths whose values cannot be checked any further because of it."""

    problem: Problem
    paths: tuple[Path, ...]


def complaint(
    error: Mapping[str, Any], document: object, places: Places, root: type = App, language: Language = TOML
) -> Complaint:
    """One error of pydantic as a problem of the file.

    Args:
        error: an item of `ValidationError.errors()`.
        document: the validated document.
        places: where its parts are in the file.
        root: the dataclass of the whole document.
        language: the format of the file.
    """
    path = _path_in(error["loc"], document)
    if error["type"] == "value_error":
        return _complain(path, places, str(error["ctx"]["error"]))
    return _Reader(root, language, places).complaint(error, path, at(path, document))


def _complain(path: Path, places: Places, message: str, hint: str = "", *also: Path) -> Complaint:
    return Complaint(Problem(dotted(path), message, line_of(path, places), hint), (path, *also))


def line_of(path: Path, places: Places) -> int | None:
    """The line of a path, or of the innermost part around it that is in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]].line
    return None


def _path_in(location: tuple[str | int, ...], document: object) -> Path:
    """pydantic's location without the names of types that it puts between the keys."""
    path: Path = ()
    for part in location:
        if at((*path, part), document) is not MISSING:
            path = (*path, part)
    return path


def at(path: Path, document: object) -> object:
    """The value at a path of a document, or MISSING."""
    for part in path:
        if isinstance(document, dict) and part in document:  # noqa: SIM114 - mypy narrows each branch
            document = document[part]
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        else:
            return MISSING
    return document


@dataclass(frozen=True)
class _Reader:
    """Finds in the model what was expected in place of a wrong value."""

    root: type
    language: Language
    places: Places

    def complaint(self, error: Mapping[str, Any], path: Path, value: object) -> Complaint:
        if error["type"] == "unexpected_keyword_argument":
            return self._unknown(path, value)
        if error["type"] == "missing":
            path = (*path, error["loc"][-1])
            return _complain(path, self.places, *self._missing(path))
        return _complain(path, self.places, *self._wrong_type(path, value))

    def _section_around(self, path: Path) -> type:
        return section_of(kind_at(path[:-1], self.root)) or self.root

    def _unknown(self, path: Path, value: object) -> Complaint:
        """An unknown key; the most similar known one, if any, is assumed to be meant."""
        section, name = self._section_around(path), str(path[-1])
        known = fields_of(section)
        what = "section" if section is self.root and isinstance(value, (dict, list)) else "key"
        nearest = difflib.get_close_matches(name, known, 1)
        if nearest:
            hint = f"did you mean '{nearest[0]}'?"
            return _complain(path, self.places, f"unknown {what}", hint, (*path[:-1], nearest[0]))
        every = sections(self.root)
        homes = [home for home, field in every.items() if name in _keys(field) and home != path[0]]
        if homes and section is self.root:
            hint = "it belongs in " + " or ".join(self._header(every[home]) for home in homes)
        else:
            hint = f"known here: {', '.join(known)}"
        return _complain(path, self.places, f"unknown {what}", hint)

    def _header(self, section: Field) -> str:
        several = section.repeated and self.language.repeated
        return (several or self.language.header).format(section.name + (".NAME" if section.keyed else ""))

    def _missing(self, path: Path) -> tuple[str, str]:
        section, name = self._section_around(path), str(path[-1])
        field = fields_of(section)[name]
        if section is self.root:
            required = [key for key, item in _keys(field).items() if item.required]
            return "this section is required", f"add {self._header(field)} with {', '.join(required)}"
        return (
            f"is required: {field.doc[0].lower()}{field.doc[1:]}",
            f"add {self.language.pair.format(name)} (the value is {self._describe(field.kind)})",
        )

    def _describe(self, kind: Any) -> str:
        return self.language.words(describe(kind))

    def _wrong_type(self, path: Path, value: object) -> tuple[str, str]:
        words = self._describe(kind_at(path, self.root))
        message = f"found {self._shown(path, value)}, expected {words}"
        section = sections(self.root).get(str(path[0])) if len(path) == 1 else None
        keyed = sections(self.root).get(str(path[0]))
        if keyed and keyed.keyed and len(path) <= 2 and self.language.repeated:
            return message, f"write {self._header(keyed)}, with a name of your own"
        if section and section.repeated and isinstance(value, dict) and self.language.repeated:
            return message, f"write {self._header(section)}, with two brackets: there can be several"
        if section and not section.repeated and self.language.repeated:
            return message, f"write {self._header(section)}, with one bracket: there is one only"
        if isinstance(value, (int, float, datetime.date, datetime.time)) and words.startswith("a string"):
            return message, f'put it in quotes: "{self._written(path) or value}"'
        if isinstance(value, str) and words.startswith("a list of strings"):
            return message, f'put it in brackets: ["{value}"]'
        if isinstance(value, str) and (value.lower() in ("true", "false") or _is_number(value)):
            return message, f"write it without quotes: {value.lower()}"
        return message, _nearest_choice(words, value)

    def _written(self, path: Path) -> str:
        return self.places[path].text if path in self.places else ""

    def _shown(self, path: Path, value: object) -> str:
        """A value for a message: as it is written in the file, if that is short."""
        if isinstance(value, dict):
            return self.language.table
        if isinstance(value, list):
            return "a list"
        written = self._written(path)
        text = written if written and len(written) <= 60 and "\n" not in written else str(value)[:60]
        names = {bool: "", int: "the number ", float: "the number ", str: "the string ", type(None): ""}
        return names.get(type(value), "the date ") + text


def _keys(section: Field) -> dict[str, Field]:
    return fields_of(section.section) if section.section else {}


def _nearest_choice(words: str, value: object) -> str:
    choices = words.split('"')[1::2]
    nearest = difflib.get_close_matches(str(value), choices, 1)
    return f'did you mean "{nearest[0]}"?' if nearest else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
