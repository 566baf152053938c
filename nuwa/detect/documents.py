"""JSON, TOML and YAML files, as far as they can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nuwa.detect.tree import Tree


def json_document(tree: Tree, path: str) -> dict[str, Any]:
    """A JSON file; empty if it is missing, invalid or not an object."""
    try:
        read = json.loads(tree.text(path)) if tree.has(path) else {}
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def toml_document(tree: Tree, path: str) -> dict[str, Any]:
    """A TOML file; empty if it is missing or invalid."""
    import tomllib

    try:
        return tomllib.loads(tree.text(path))
    except (ValueError, RecursionError):
        return {}


def yaml_document(tree: Tree, path: str) -> dict[str, Any]:
    """A YAML file; empty if it is missing, invalid or not a mapping."""
    import yaml

    try:
        read = yaml.load(tree.text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - either loader is a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def table(value: object, *keys: str) -> Mapping[str, Any]:
    """The table at a path of nested keys; empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Any]:
    """A list as it is, a single table as a list of one, and anything else as an empty list."""
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
