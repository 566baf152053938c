"""The JSON Schema of `config.json`. Instead of any value but an object, it accepts a string with `${…}`."""

from __future__ import annotations

import json
from typing import Any

from nuwa.agent.config.model import Config
from nuwa.manifest.schema import schema as schema_of

REFERENCE = {"type": "string", "pattern": r"\$\{"}


def schema() -> dict[str, Any]:
    """The schema of a whole configuration."""
    made = schema_of(Config, "agent-config:1", "config.json of nuwa's host agent")
    properties = {name: _open(value) for name, value in made["properties"].items()}
    definitions = {
        name: {**part, "properties": {key: _open(value) for key, value in part["properties"].items()}}
        for name, part in made["$defs"].items()
    }
    return {**made, "properties": properties, "$defs": definitions}


def text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _open(part: Any) -> Any:
    """A value's schema that also accepts a reference."""
    if not isinstance(part, dict) or "$ref" in part or part.get("type") == "object":
        return part
    described = {key: part[key] for key in ("description", "default") if key in part}
    rest = {key: value for key, value in part.items() if key not in described}
    if rest.get("type") == "array" and isinstance(rest.get("items"), dict):
        rest["items"] = _open(rest["items"])
    is_any_text = rest in ({}, {"type": "string"})
    return part if is_any_text else {**described, "anyOf": [rest, REFERENCE]}
