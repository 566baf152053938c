"""pydantic's findings in nuwa's own sentences: what stands there, what was expected, what to do."""

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
class Complaint:
    """A problem, and the paths whose values cannot be judged any further because of it."""

    problem: Problem
    paths: tuple[Path, ...]


def complaint(error: Mapping[str, Any], document: object, places: Places) -> Complaint:
    """One error of pydantic as a problem of the file.

    Args:
        error: an item of `ValidationError.errors()`.
        document: what was validated.
        places: where its parts stand.
    """
    path = _path_in(error["loc"], document)
    if error["type"] == "unexpected_keyword_argument":
        return _unknown(path, at(path, document), places)
    if error["type"] == "missing":
        path = (*path, error["loc"][-1])
        return _complain(path, places, *_missing(path))
    if error["type"] == "value_error":
        return _complain(path, places, str(error["ctx"]["error"]))
    return _complain(path, places, *_wrong_type(path, at(path, document), places))


def _complain(path: Path, places: Places, message: str, hint: str = "", *also: Path) -> Complaint:
    return Complaint(Problem(dotted(path), message, line_of(path, places), hint), (path, *also))


def line_of(path: Path, places: Places) -> int | None:
    """The line of a path, or of the nearest thing around it that stands in the file."""
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


def _unknown(path: Path, value: object, places: Places) -> Complaint:
    """A key that nobody takes; the nearest known one is taken to be what was meant."""
    section, name = section_of(kind_at(path[:-1])) or App, str(path[-1])
    known = fields_of(section)
    what = "section" if section is App and isinstance(value, (dict, list)) else "key"
    nearest = difflib.get_close_matches(name, known, 1)
    if nearest:
        hint = f"did you mean '{nearest[0]}'?"
        return _complain(path, places, f"unknown {what}", hint, (*path[:-1], nearest[0]))
    homes = [home for home, field in sections().items() if name in _keys(field) and home != path[0]]
    if homes and section is App:
        hint = "it belongs into " + " or ".join(_header(sections()[home]) for home in homes)
    else:
        hint = f"known here: {', '.join(known)}"
    return _complain(path, places, f"unknown {what}", hint)


def _keys(section: Field) -> dict[str, Field]:
    return fields_of(section.section) if section.section else {}


def _header(section: Field) -> str:
    return f"[[{section.name}]]" if section.repeated else f"[{section.name}]"


def _missing(path: Path) -> tuple[str, str]:
    section, name = section_of(kind_at(path[:-1])) or App, str(path[-1])
    field = fields_of(section)[name]
    if section is App:
        return "this section is required", f"add [{name}] with {', '.join(_required(field))}"
    return (
        f"is required: {field.doc[0].lower()}{field.doc[1:]}",
        f"add {name} = … (it takes {describe(field.kind)})",
    )


def _required(section: Field) -> list[str]:
    return [name for name, field in _keys(section).items() if field.required]


def _wrong_type(path: Path, value: object, places: Places) -> tuple[str, str]:
    kind = kind_at(path)
    message = f"found {_shown(path, value, places)}, expected {describe(kind)}"
    section = sections().get(str(path[0])) if len(path) == 1 else None
    if section and section.repeated and isinstance(value, dict):
        return message, f"write [[{section.name}]], with two brackets: there can be several"
    if section and not section.repeated:
        return message, f"write [{section.name}], with one bracket: there is one only"
    words = describe(kind)
    if isinstance(value, (int, float, datetime.date, datetime.time)) and words.startswith("a text"):
        return message, f'put it in quotes: "{places[path].text if path in places else value}"'
    if isinstance(value, str) and words.startswith("a list of texts"):
        return message, f'put it in brackets: ["{value}"]'
    if isinstance(value, str) and (value.lower() in ("true", "false") or _is_number(value)):
        return message, f"write it without quotes: {value.lower()}"
    return message, _nearest_choice(words, value)


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


def _shown(path: Path, value: object, places: Places) -> str:
    """A value in words, as it is written in the file where that is short."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    written = places[path].text if path in places else ""
    text = written if written and len(written) <= 60 and "\n" not in written else str(value)[:60]
    names = {bool: "", int: "the number ", float: "the number ", str: "the text "}
    return names.get(type(value), "the date ") + text
