"""`${name}` in the configuration: values of `env`, and ports of services."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from nuwa.errors import Problem
from nuwa.manifest.positions import Path, Place, dotted

_REFERENCE = re.compile(r"\$(?:\$\{|\{([^{}]*)\})")

Lookup = Callable[[str], Any]
"""The value of a name; LookupError says why there is none."""


class Expansion:
    """Replaces the references in a document with their values, and collects all errors.

    A string that is a single reference becomes its value, of any type; within a longer string a value is
    inserted as text. `$${` is a literal `${`.
    """

    def __init__(self, places: dict[Path, Place]) -> None:
        self._places = places
        self.problems: list[Problem] = []
        self.broken: list[Path] = []

    def apply(self, value: Any, path: Path, lookup: Lookup) -> Any:
        """`value` with its references resolved; a placeholder stands for a reference that fails."""
        if isinstance(value, dict):
            return {
                self._key(key, path, lookup): self.apply(item, (*path, key), lookup)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.apply(item, (*path, index), lookup) for index, item in enumerate(value)]
        return self._text(value, path, lookup) if isinstance(value, str) else value

    def _key(self, key: str, path: Path, lookup: Lookup) -> str:
        return str(self._text(key, (*path, key), lookup))

    def _text(self, text: str, path: Path, lookup: Lookup) -> Any:
        whole = _REFERENCE.fullmatch(text)
        if whole and whole[1] is not None:
            return self._value(whole[1], path, lookup)
        return _REFERENCE.sub(lambda found: self._part(found, path, lookup), text)

    def _part(self, found: re.Match[str], path: Path, lookup: Lookup) -> str:
        if found[1] is None:
            return "${"
        value = self._value(found[1], path, lookup)
        return value if isinstance(value, str) else json.dumps(value)

    def _value(self, name: str, path: Path, lookup: Lookup) -> Any:
        try:
            return lookup(name)
        except LookupError as error:
            place = self._places.get(path)
            message, hint = (*error.args, "")[:2]
            self.problems.append(Problem(dotted(path), message, place.line if place else None, hint))
            self.broken.append(path)
            return None


def environment(values: dict[str, Any], places: dict[Path, Place]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of `env`, which may refer to each other.

    Returns:
        the resolved values, and the errors of those that are missing.
    """
    expansion = Expansion(places)
    resolved: dict[str, Any] = {}
    open_names: list[str] = []

    def lookup(name: str) -> Any:
        if name in resolved:
            return resolved[name]
        if name in open_names:
            circle = " → ".join([*open_names[open_names.index(name) :], name])
            raise LookupError(f"${{{name}}} refers to itself: {circle}")
        if name not in values:
            raise LookupError(*unset(name, values))
        open_names.append(name)
        try:
            resolved[name] = expansion.apply(values[name], ("env", name), lookup)
        finally:
            open_names.pop()
        return resolved[name]

    for name in values:
        lookup(name)
    return resolved, expansion.problems


def unset(name: str, values: dict[str, Any]) -> tuple[str, str]:
    """Message and hint for an unknown name."""
    import difflib

    nearest = difflib.get_close_matches(name, values, 1)
    if nearest:
        return f"${{{name}}} is not set", f"did you mean ${{{nearest[0]}}}?"
    if not name:
        return "${} names nothing", "write $${} for a literal ${}"
    return f"${{{name}}} is not set", f'add "{name}" to "env", or write $${{{name}}} for that literal text'
