"""Lock files of Poetry, PDM and Pipenv: the versions that they pin, as lines for an installer.

Nothing is resolved here. A lock provides exact versions and checksums as constraints; the requirements come
from the project, so that development groups are left out, whatever the version of the lock's format.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa.errors import BuildError
from nuwa.requirements.kinds import table
from nuwa.requirements.project_file import normalised, required


@dataclass(frozen=True)
class Locked:
    """The requirements of a project, and the versions that its lock pins."""

    lines: tuple[str, ...]
    """Requirements."""
    constraints: tuple[str, ...]
    """Exact versions with their checksums, of all packages that the lock names."""


def poetry(folder: Path, name: str, groups: Sequence[str]) -> Locked:
    """poetry.lock, with the requirements in pyproject.toml.

    Raises:
        BuildError: the lock cannot be read, or lacks a requirement of the project.
    """
    return _by_packages(folder, name, groups, _poetry_place)


def pdm(folder: Path, name: str, groups: Sequence[str]) -> Locked:
    """pdm.lock, with the requirements in pyproject.toml. Errors as for `poetry`."""
    return _by_packages(folder, name, groups, _pdm_place)


def pipenv(folder: Path, name: str, groups: Sequence[str]) -> Locked:
    """Pipfile.lock, which names the requirements too; its groups are sections next to `default`.

    Raises:
        BuildError: the lock cannot be read, or has no such section.
    """
    try:
        document = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{name} cannot be read: {error}", hint="Run pipenv lock.") from None
    lines: list[str] = []
    for section in ("default", *groups):
        if not isinstance(document.get(section), dict):
            raise BuildError(f"{name} has no section {section}")
        lines += [_pipenv_line(package, entry) for package, entry in document[section].items()]
    return Locked(tuple(lines), ())


def _pipenv_line(name: str, entry: dict[str, Any]) -> str:
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    if "git" in entry:
        below = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
        return f"{name}{extras} @ git+{entry['git']}@{entry['ref']}{below}{marker}"
    place = entry.get("file") or entry.get("path")
    if place:
        return f"{name}{extras} @ {place}{marker}"
    hashes = "".join(f" --hash={value}" for value in sorted(entry.get("hashes", ())))
    return f"{name}{extras}{entry.get('version', '')}{marker}{hashes}"


def _by_packages(folder: Path, name: str, groups: Sequence[str], place: Any) -> Locked:
    try:
        document = tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{name} cannot be read: {error}", hint="Regenerate the lock file.") from None
    packages = [package for package in document.get("package", ()) if isinstance(package, dict)]
    places = {normalised(package["name"]): found for package in packages if (found := place(package))}
    lines = required(folder, "pyproject.toml", groups)
    _check_complete(name, lines, packages)
    checksums = table(document, "metadata", "files")
    return Locked(
        tuple(_at_its_place(line, places) for line in lines),
        tuple(_constraints([item for item in packages if not place(item)], checksums)),
    )


def _check_complete(name: str, lines: Iterable[str], packages: list[dict[str, Any]]) -> None:
    """A lock that lacks one of the project's requirements is out of date."""
    known = {normalised(package["name"]) for package in packages}
    for line in lines:
        if not line.startswith("-") and _name(line) not in known and ";" not in line:
            raise BuildError(
                f"{name} does not contain {_name(line)}, which pyproject.toml requires", hint=_AGAIN[name]
            )


_AGAIN = {"poetry.lock": "Run poetry lock.", "pdm.lock": "Run pdm lock."}


def _name(line: str) -> str:
    head = line
    for sign in "[]<>=!~;@ ":
        head = head.partition(sign)[0]
    return normalised(head)


def _at_its_place(line: str, places: dict[str, str]) -> str:
    """A requirement, from the exact commit or archive that the lock records."""
    found = places.get(_name(line))
    if not found or line.startswith("-"):
        return line
    head, _, marker = line.partition(" ; ")
    extras = head[head.index("[") : head.index("]") + 1] if "[" in head else ""
    return f"{_name(line)}{extras} @ {found}" + (f" ; {marker}" if marker else "")


def _constraints(packages: list[dict[str, Any]], checksums: dict[str, Any]) -> Iterator[str]:
    """Exact versions with checksums; without markers that tell its versions apart, a package is left out."""
    count = Counter(normalised(package["name"]) for package in packages)
    for package in packages:
        name, version, marker = package["name"], package["version"], _marker(package)
        if count[normalised(name)] > 1 and not marker:
            continue
        files = package.get("files") or checksums.get(name) or ()
        hashes = sorted({item["hash"] for item in files if isinstance(item, dict) and "hash" in item})
        listed = "".join(f" --hash={value}" for value in hashes)
        yield f"{name}=={version}{f' ; {marker}' if marker else ''}{listed}"


def _marker(package: dict[str, Any]) -> str:
    """The environment marker of a version; a lock may have one for each group."""
    found = package.get("markers") or package.get("marker") or ""
    if isinstance(found, dict):
        return " or ".join(f"({marker})" for marker in dict.fromkeys(found.values()))
    return str(found)


def _poetry_place(package: dict[str, Any]) -> str:
    source = table(package, "source")
    kind, url = source.get("type"), str(source.get("url", ""))
    below = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
    if kind == "git":
        return f"git+{url}@{source.get('resolved_reference') or source.get('reference')}{below}"
    if kind in ("directory", "file"):
        return url if url.startswith(("/", "./", "../")) else f"./{url}"
    return url if kind == "url" else ""


def _pdm_place(package: dict[str, Any]) -> str:
    if "git" in package:
        return f"git+{package['git']}@{package.get('revision') or package.get('ref')}"
    path = str(package.get("path", ""))
    return str(package.get("url") or path)
