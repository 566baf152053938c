"""`python -m nuwa.reference.agent`: writes what is published of the agent and made from its code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nuwa.agent.api import openapi
from nuwa.agent.config import schema
from nuwa.agent.config.model import Config
from nuwa.manifest.fields import Field, describe, fields_of, section_of
from nuwa.manifest.problems import JSON

SCHEMA = Path("nuwa/agent/config/schema.json")
OPENAPI = Path("docs/reference/agent-openapi.json")
PAGE = Path("docs/reference/agent-config.md")


def files() -> dict[Path, str]:
    """Everything that is published, by its path in the repository."""
    return {SCHEMA: schema.text(), OPENAPI: openapi.text(), PAGE: "\n".join(_page()) + "\n"}


def main(root: Path) -> None:
    """Write it all below the repository's folder."""
    for path, text in files().items():
        (root / path).write_text(text)


def _page() -> Iterator[str]:
    yield "# config.json"
    yield ""
    yield "All keys of `/etc/nuwa/config.json`. Every key is optional unless it is marked as required."
    yield "`${name}` is replaced by a value in `env`, `${service.ports.0}` by the port at which others reach"
    yield "a service, and, within a process, `${.ports.0}` by its own port; `$${` stands for a literal `${`."
    yield "Relative paths start at `/etc/nuwa`. Sizes are bytes, or strings such as `512M`."
    yield ""
    yield "The [JSON Schema](../../nuwa/agent/config/schema.json) is for editors, and"
    yield "`nuwa config schema` prints it. [The guide](../guide/agent.md) shows how to use the keys."
    seen: set[type] = set()
    yield from _section(Config, "The file", seen)


def _section(kind: type, title: str, seen: set[type]) -> Iterator[str]:
    """A table of one section's keys, and then the sections in it, each once."""
    seen.add(kind)
    yield ""
    yield f"## {title}"
    yield ""
    yield f"{(kind.__doc__ or '').splitlines()[0]}"
    yield ""
    yield "| key | takes | default | |"
    yield "|---|---|---|---|"
    inner: list[tuple[str, type]] = []
    for name, field in fields_of(kind).items():
        yield f"| `{name}` | {_takes(field)} | {_default(field)} | {field.doc} |"
        found = _inner(field.kind)
        if found and found not in seen:
            inner.append((name, found))
    for name, found in inner:
        if found not in seen:
            yield from _section(found, f"`{name}`", seen)


def _inner(kind: Any) -> type | None:

    return section_of(kind)


def _takes(field: Field) -> str:
    if field.kind is Any or (describe(field.kind) == "a table" and not _inner(field.kind)):
        return "anything"
    return JSON.words(describe(field.kind)).replace("|", "\\|")


def _default(field: Field) -> str:
    if field.required:
        return "required"
    is_empty = field.default in (None, "", (), {}, []) or _inner(field.kind) is not None
    return "" if is_empty else f"`{field.default}`".replace("True", "true").replace("False", "false")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
