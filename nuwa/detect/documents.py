"""Files of tables, such as JSON and YAML, as far as they can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nuwa.detect.tree import Tree


def json_document(tree: Tree, path: str) -> dict[str, Any]:
    """A JSON file; empty where it is not there or holds no object."""
    try:
        read = json.loads(tree.text(path)) if tree.has(path) else {}
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def toml_document(tree: Tree, path: str) -> dict[str, Any]:
    """A TOML file; empty where it is none."""
    import tomllib

    try:
        return tomllib.loads(tree.text(path))
    except (ValueError, RecursionError):
        return {}


def yaml_document(tree: Tree, path: str) -> dict[str, Any]:
    """A YAML file; empty where it is none or holds no mapping."""
    import yaml

    try:
        read = yaml.load(tree.text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - either loader is a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def table(value: object, *keys: str) -> Mapping[str, Any]:
    """What is below some keys, one in the other; empty where that is not a table."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Any]:
    """A list, or the one table in its place, as a list."""
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
