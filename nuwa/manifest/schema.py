"""The JSON Schema of `nuwa.toml`, made from the model."""

from __future__ import annotations

import json
from typing import Any

from nuwa.manifest.model import SCHEMA, App
from nuwa.manifest.validation import adapter


def schema(root: Any = App, name: str = f"manifest:{SCHEMA}", title: str = "nuwa.toml") -> dict[str, Any]:
    """The schema of a whole document, by default of a manifest, in JSON Schema 2020-12."""
    made: dict[str, Any] = _plain(adapter(root).json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:nuwa:{name}",
        "title": title,
        **{key: value for key, value in made.items() if key != "title"},
    }


def text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:
    """pydantic's schema without `null`, which TOML does not have, and without titles that repeat a key."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    made = {key: _plain(value) for key, value in schema.items()}
    if isinstance(made.get("title"), str):
        del made["title"]
    if made.get("default", ...) is None:
        del made["default"]
    if "patternProperties" in made:
        made["additionalProperties"] = False
    options = made.get("anyOf", [])
    return (
        {**{key: value for key, value in made.items() if key != "anyOf"}, **options[0]}
        if len(options) == 1
        else made
    )
