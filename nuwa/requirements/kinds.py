"""The files that name requirements, and which of them counts if a project has several."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from nuwa.manifest.checks import LOCKS, PROJECT_FILES

LISTS = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "requirements-prod.txt",
    "requirements-production.txt",
)
KINDS = (*LOCKS, *LISTS, *PROJECT_FILES)
"""In order of precedence: lock files, then lists, then a project's own metadata."""


def find(folder: Path) -> str:
    """The file of `KINDS` that counts in a project, relative to it; `""` if none names requirements.

    A lock of a uv workspace may be in a folder above: `../uv.lock`.
    """
    for name in KINDS:
        if name == "uv.lock" and not (folder / name).is_file() and (above := _workspace_lock(folder)):
            return above
        if (folder / name).is_file() and (name not in PROJECT_FILES or _requires(folder / name)):
            return name
    return ""


def every(folder: Path) -> list[str]:
    """All files of `KINDS` that a project has and that name requirements, the one that counts first."""
    found = [find(folder)]
    found += [
        name
        for name in KINDS
        if (folder / name).is_file() and (name not in PROJECT_FILES or _requires(folder / name))
    ]
    return list(dict.fromkeys(name for name in found if name))


def load_toml(path: Path) -> dict[str, Any]:
    """A TOML file; empty if there is none or it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def table(value: object, *keys: str) -> dict[str, Any]:
    """The table at a path of keys; empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _requires(path: Path) -> bool:
    if path.name == "pyproject.toml":
        read = load_toml(path)
        return bool(table(read, "project")) or bool(table(read, "tool", "poetry", "dependencies"))
    text = path.read_text(encoding="utf-8", errors="replace")
    return "install_requires" in text


def _workspace_lock(folder: Path) -> str:
    """The uv.lock of the workspace that a folder is a member of."""
    if not (folder / "pyproject.toml").is_file():
        return ""
    folder = folder.resolve()
    for depth, above in enumerate(folder.parents, start=1):
        workspace = table(load_toml(above / "pyproject.toml"), "tool", "uv", "workspace")
        if workspace and (above / "uv.lock").is_file():
            member = folder.relative_to(above)
            named = (str(pattern) for pattern in workspace.get("members", ()))
            if any(member.match(pattern) for pattern in named):
                return "/".join([".."] * depth + ["uv.lock"])
            return ""
        if (above / ".git").exists():
            return ""
    return ""
