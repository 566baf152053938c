"""Validates a parsed document against a model of dataclasses, and finds every wrong value in one run."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from nuwa.manifest.positions import Path
from nuwa.manifest.problems import TOML, Complaint, Language, Places, complaint

Model = TypeVar("Model")


def checked(
    root: type[Model], document: dict[str, Any], places: Places, language: Language = TOML
) -> tuple[Model | None, list[Complaint]]:
    """The model built from a document, or what is wrong with its individual values.

    Args:
        root: the dataclass of the whole document.
        places: where the document's parts are in its file.
        language: the format of the file, for hints.
    """
    model: Any = root
    try:
        made: Model = adapter(model).validate_json(json.dumps(_jsonable(document)))
        return made, []
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    keys = [error for error in errors if error["loc"][-1] == "[key]"]
    values = [error for error in errors if error["loc"][-1] != "[key]"]
    found = [
        [complaint(error, document, places, root, language) for error in part] for part in (keys, values)
    ]
    return None, [item for part in found for item in _innermost(part)]


def _innermost(found: list[Complaint]) -> list[Complaint]:
    """If a value may have several types, pydantic reports an error for each; the innermost is the best."""
    paths = {item.paths[0]: item for item in reversed(found)}
    inner = [path for path in paths if not any(other != path and within(other, path) for other in paths)]
    return [paths[path] for path in reversed(inner)]


@cache
def adapter(root: Any) -> TypeAdapter[Any]:
    """pydantic's adapter for a model, built once."""
    return TypeAdapter(root)


def within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _jsonable(value: object) -> object:
    """A document for pydantic's JSON mode, which is strict but accepts arrays for tuples.

    A value that JSON cannot express becomes one that no field of the model accepts.
    """
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if is_number or value is None or isinstance(value, (str, int)) else [[[]]]
