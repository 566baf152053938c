"""What `nuwa init` recognises in a project, by reading it; nothing of it is ever imported or run."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nuwa.manifest import frameworks
from nuwa.manifest.frameworks import Web
from nuwa.requirements import kinds


@dataclass(frozen=True)
class Project:
    """What was found.

    Args:
        python: the version that the project asks for; empty: it takes the default one.
        requirements: the file with its requirements; empty: there is none.
        web: its application; None when none was recognised.
        found: sentences about what was recognised, and where.
        check: sentences about what a person should look at.
    """

    name: str
    python: str = ""
    requirements: str = ""
    web: Web | None = None
    found: tuple[str, ...] = ()
    check: tuple[str, ...] = ()


@dataclass
class _Notes:
    found: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)


def detect(folder: Path, pythons: Sequence[str] = ()) -> Project:
    """Look at a project.

    Args:
        folder: where it lies.
        pythons: the Python versions that its family of images offers, the default first.
    """
    notes = _Notes()
    pyproject = _pyproject(folder, notes)
    web = frameworks.recognise(folder)
    if web:
        notes.found.append(web.found)
        notes.check += web.check
    return Project(
        name=_name(folder, pyproject),
        python=_python(folder, pyproject, pythons, notes),
        requirements=_requirements(folder, notes),
        web=web,
        found=tuple(notes.found),
        check=tuple(notes.check),
    )


def app_name(text: str) -> str:
    """The nearest name that an app may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    named = words if words[:1].isalpha() else f"app-{words}"
    return named[:39].strip("-")


def _name(folder: Path, pyproject: dict[str, Any]) -> str:
    project = pyproject.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return app_name(name if isinstance(name, str) else folder.resolve().name)


def _pyproject(folder: Path, notes: _Notes) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        notes.check.append(f"pyproject.toml cannot be read ({error})")
        return {}


def _requirements(folder: Path, notes: _Notes) -> str:
    every = kinds.every(folder)
    if not every:
        notes.check.append(f"none of {', '.join(kinds.KINDS)} names requirements: the app gets none")
        return ""
    name, *others = every
    notes.found.append(f"requirements: {name}")
    if others:
        notes.check.append(f"requirements come from {name}, and not from {', '.join(others)}")
    return "" if name.startswith("../") else name


def _python(folder: Path, pyproject: dict[str, Any], pythons: Sequence[str], notes: _Notes) -> str:
    """The version that the project pins, or the first offered one that its range allows if that matters."""
    pinned = _pinned(folder)
    if pinned:
        notes.found.append(f"Python {pinned}: .python-version")
        if pythons and pinned not in pythons:
            notes.check.append(f"Python {pinned} is not offered; there are {', '.join(pythons)}")
        return pinned
    project = pyproject.get("project")
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    if not isinstance(wanted, str) or not pythons or allows(wanted, pythons[0]):
        return ""
    fitting = next((version for version in pythons if allows(wanted, version)), "")
    if fitting:
        notes.found.append(f"Python {fitting}: requires-python = {wanted!r} in pyproject.toml")
    else:
        notes.check.append(
            f"no offered Python fits requires-python = {wanted!r}; there are {', '.join(pythons)}"
        )
    return fitting


def _pinned(folder: Path) -> str:
    try:
        text = (folder / ".python-version").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    found = re.match(r"\s*(?:cpython[-@])?(2\.7|3\.\d{1,2})(?:\.\d+)?\s*(?:$|\n)", text)
    return found[1] if found else ""


def allows(specifier: str, version: str) -> bool:
    """Whether a `requires-python` admits some release of a version such as 3.12.

    A clause that is not understood admits everything: resolving the requirements will tell.
    """
    return all(_allows(clause.strip(), _numbers(version)) for clause in specifier.split(","))


def _allows(clause: str, version: tuple[int, ...]) -> bool:
    found = re.fullmatch(r"(>=|<=|==|!=|~=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?", clause)
    if not found:
        return True
    operator, limit, starred = found[1], _numbers(found[2]), bool(found[3])
    short = limit[:2]
    version = version[: len(short)]
    if operator in ("==", "!="):
        whole = starred or len(limit) <= 2
        return (version == short) if operator == "==" else not (version == short and whole)
    if operator == "~=":
        return version >= short and version[:1] == short[:1] and (len(limit) < 3 or version == short)
    if operator == "<":
        return version < short or (version == short and any(limit[2:]))
    return version <= short if operator == "<=" else version >= short


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
