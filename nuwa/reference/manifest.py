"""The published pages about `nuwa.toml`, made from the model: `python -m nuwa.reference.manifest FOLDER`."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from nuwa.detect import annotated_manifest
from nuwa.manifest import quantities, rules, schema
from nuwa.manifest.fields import Field, checked_by, describe, fields_of, sections

_HEAD = """# nuwa.toml

This page is generated from the model (`script/generate`). [nuwa.toml](nuwa.toml) is the complete file with
comments, as `nuwa init` writes it. [nuwa.schema.json](nuwa.schema.json) is the JSON Schema for editors:
many of them complete and check a file whose first line is `#:schema ./nuwa.schema.json`. `nuwa check`
reports every error.

Only `app.name` and `server.module` are required, and unknown keys are errors. A command is either a string,
which is split into words as a shell would do it, or a list of words. No shell runs it, so shell syntax is
refused; to use a shell, write `["sh", "-c", "…"]`.
"""


def pages() -> dict[str, str]:
    """The content of each page by its file name."""
    return {
        "manifest.md": page(),
        "nuwa.toml": annotated_manifest.text(annotated_manifest.EXAMPLE),
        "nuwa.schema.json": schema.text(),
    }


def page() -> str:
    """The reference of all sections and keys, and of the rules between them."""
    parts = [
        _HEAD,
        *(_section(field, field.name) for field in sections().values()),
        "## Rules between keys\n",
    ]
    parts.append("\n".join(f"- {' '.join(inspect.getdoc(rule).split())}" for rule in rules.RULES) + "\n")  # type: ignore[union-attr]  # a test sees to the docstrings
    return "\n".join(parts)


def _section(section: Field, path: str) -> str:
    heading = f"[[{path}]]" if section.repeated else f"[{path}.NAME]" if section.keyed else f"[{path}]"
    assert section.section
    keys = fields_of(section.section).values()
    table = [_row(key) for key in keys if not key.section]
    inner = [_section(key, f"{path}.{key.name}") for key in keys if key.section]
    about = inspect.getdoc(section.section) or ""
    lines = [f"## `{heading}`", "", about, "", "| key | takes | default | |", "|---|---|---|---|", *table, ""]
    return "\n".join([*lines, *inner])


def _row(key: Field) -> str:
    cells = (f"`{key.name}`", describe(key.kind), _default(key), key.doc)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(key: Field) -> str:
    if key.required:
        return "required"
    if key.default is None:
        return "none"
    if key.default == {}:
        return "`{}`"
    if checked_by(key.kind, quantities.size) and key.default % 1024**2 == 0:
        return f'`"{key.default // 1024**2}M"`'
    return f"`{json.dumps(key.default, ensure_ascii=False)}`"


def main() -> None:
    """Write all pages into the folder that the first argument names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
