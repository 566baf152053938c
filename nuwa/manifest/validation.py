"""A parsed document against a model of dataclasses, with every wrong value found in one run."""

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
    """The model of a document, or what is wrong with its single values.

    Args:
        root: the dataclass of the whole document.
        places: where the document's parts are in its file.
        language: how the file is written, for hints.
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
    """Where a value may be one of several types, each of them complains: the innermost place says most."""
    paths = {item.paths[0]: item for item in reversed(found)}
    inner = [path for path in paths if not any(other != path and within(other, path) for other in paths)]
    return [paths[path] for path in reversed(inner)]


@cache
def adapter(root: Any) -> TypeAdapter[Any]:
    """pydantic's view of a model, made once."""
    return TypeAdapter(root)


def within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _jsonable(value: object) -> object:
    """A document for pydantic's JSON mode, which is strict yet takes arrays for tuples.

    What JSON has no word for becomes something that no field of the model takes.
    """
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if is_number or value is None or isinstance(value, (str, int)) else [[[]]]
