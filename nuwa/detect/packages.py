"""Which Python packages a project requires, and which distribution packages those need."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree
from nuwa.errors import BuildError
from nuwa.manifest.checks import PROJECT_FILES
from nuwa.requirements import kinds, text
from nuwa.requirements.project_file import normalised, required


def required_names(tree: Tree, name: str, groups: Sequence[str] = ()) -> dict[str, set[str]]:
    """The packages in a requirements file, with their extras, by normalised name.

    Args:
        tree: the project.
        name: the file; in a uv.lock, only what the project requires counts; in other locks, everything.
        groups: extras and dependency groups of its pyproject.toml that count too.
    """
    found: dict[str, set[str]] = {}
    _collect(tree, name, found, set(), groups)
    return found


def included(tree: Tree, name: str) -> set[str]:
    """The files that a requirements file includes, directly or not."""
    seen: set[str] = set()
    _collect(tree, name, {}, seen)
    return seen - {name}


def _collect(
    tree: Tree, name: str, found: dict[str, set[str]], seen: set[str], groups: Sequence[str] = ()
) -> None:
    if not name or name in seen:
        return
    seen.add(name)
    kind = name.rpartition("/")[2]
    if kind.endswith(".lock") or kind.startswith("pylock."):
        _locked(tree, name, kind, found, groups)
        if kind == "Pipfile.lock":
            return
        name = f"{name.removesuffix(kind)}pyproject.toml"
        name = "pyproject.toml" if name.startswith("..") else name
        kind = "pyproject.toml"
    if kind in PROJECT_FILES:
        lines: Iterable[str]
        try:
            lines = required((tree.root / name).parent, kind, groups) if tree.has(name) else ()
        except BuildError:
            lines = ()
    else:
        lines = [line.text for line in text.lines(tree.text(name))]
    for line in text.lines("\n".join(lines)):
        if line.option in ("--requirement", "--constraint"):
            folder = name.rpartition("/")[0]
            _collect(tree, _joined(folder, line.value), found, seen)
        elif match := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^]]*)\])?", line.text):
            extras = {word.strip().lower() for word in (match[2] or "").split(",") if word.strip()}
            found.setdefault(normalised(match[1]), set()).update(extras)


def _joined(folder: str, path: str) -> str:
    import posixpath

    return posixpath.normpath(posixpath.join(folder, path))


def _locked(tree: Tree, name: str, kind: str, found: dict[str, set[str]], groups: Sequence[str] = ()) -> None:
    content = _whole(tree, name)
    if kind == "Pipfile.lock":
        import json

        try:
            entries = json.loads(content).get("default", {})
        except (ValueError, AttributeError):
            entries = {}
        for package, entry in entries.items():
            extras = entry.get("extras", ()) if isinstance(entry, dict) else ()
            found.setdefault(normalised(package), set()).update(str(item).lower() for item in extras)
        return
    if kind == "uv.lock" and (reached := _reached(content, tree, groups)):
        for package, extras in reached.items():
            found.setdefault(package, set()).update(extras)
        return
    for package in re.findall(r'(?m)^name = "([^"]+)"', content):
        found.setdefault(normalised(package), set())


def _reached(content: str, tree: Tree, groups: Sequence[str] = ()) -> dict[str, set[str]]:
    """Everything that a project requires by its uv.lock, without other groups and workspace members."""
    locked = _entries(content)
    own = kinds.table(kinds.load_toml(tree.root / "pyproject.toml"), "project").get("name")
    found: dict[str, set[str]] = {}
    top = normalised(str(own))
    waiting = [(top, word) for word in ("", *groups)]
    for group in groups:
        listed = kinds.table(locked.get(top), "dev-dependencies").get(group, ())
        waiting += [
            (normalised(str(item["name"])), word) for item in listed for word in ("", *item.get("extra", ()))
        ]
    while waiting:
        name, extra = waiting.pop()
        if name not in locked or extra in found.get(name, {None}):
            continue
        found.setdefault(name, set()).add(extra)
        entry = locked[name]
        further = (
            kinds.table(entry, "optional-dependencies").get(extra) if extra else entry.get("dependencies")
        )
        for item in further or ():
            wanted = item.get("extra", ())
            waiting += [(normalised(str(item.get("name"))), word) for word in ("", *wanted)]
    return {name: extras - {""} for name, extras in found.items()}


@lru_cache(maxsize=2)
def _entries(content: str) -> dict[str, dict[str, Any]]:
    """The packages of a uv.lock by name; cached, since the file is long and is read several times."""
    try:
        entries = tomllib.loads(content).get("package", [])
    except (ValueError, RecursionError):
        return {}
    return {normalised(str(entry.get("name", ""))): entry for entry in entries if isinstance(entry, dict)}


def pinned(tree: Tree, name: str, package: str) -> str:
    """The version of a package that a requirements file or a lock pins; empty: none."""
    for path in (name, *sorted(included(tree, name))):
        found = re.search(
            rf'(?mi)^name = "{re.escape(package)}"\s+version = "([\d.]+)"'
            rf"|^\s*{re.escape(package)}\s*(?:\[[^]]*\])?\s*==\s*([\d.]+)"
            rf'|"{re.escape(package)}": \{{[^{{}}]*"version": "==([\d.]+)"',
            _whole(tree, path),
        )
        if found:
            return found[1] or found[2] or found[3]
    return ""


def _whole(tree: Tree, path: str) -> str:
    """A file of any size: a lock may be larger than what `Tree.content` reads."""
    place = tree.root / path
    return text.decode(place.read_bytes()) if place.is_file() else ""


_PROVIDED = {"psycopg": ("psycopg-binary", "psycopg-c"), "psycopg2": ("psycopg2-binary",)}
"""By package: those that bundle the libraries that it needs."""


def without_wheel(tree: Tree, requirements: str, required: Collection[str], python: str) -> set[str]:
    """Packages whose pinned version is older than their first wheels for a version of Python."""
    return set(_older_pins(tree, requirements, required, python, "wheels"))


def too_old(tree: Tree, requirements: str, required: Collection[str], python: str) -> list[str]:
    """Packages whose pinned version cannot be built with a version of Python, as `name==version`."""
    found = _older_pins(tree, requirements, required, python, "compiles")
    return [f"{name}=={version}" for name, version in found.items()]


def _older_pins(
    tree: Tree, requirements: str, required: Collection[str], python: str, key: str
) -> dict[str, str]:
    """Pinned versions older than the one that libraries.toml has under `key` for a version of Python."""
    found = {}
    for name, needs in _libraries().items():
        first = needs.get(key, {}).get(python, "")
        given = pinned(tree, requirements, name) if first and name in required else ""
        if given and _numbers(given) < _numbers(first):
            found[name] = given
    return found


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


@cache
def _libraries() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("nuwa.detect").joinpath("libraries.toml").read_text(encoding="utf-8")
    )


def libraries(
    packages: dict[str, set[str]], family: str, to_build: Collection[str] = ()
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Distribution packages for running the app, and for compiling; each with the package that needs it.

    Args:
        packages: names with their extras.
        family: the family of images.
        to_build: packages that have no wheel, of those that usually have one.
    """
    table = _libraries()
    run: dict[str, str] = {}
    build: dict[str, str] = {}
    for name, needs in table.items():
        if (
            name not in packages
            or packages[name] & {"binary", "c"}
            or ("wheels" in needs and name not in to_build)
        ):
            continue
        if any(other in packages for other in _PROVIDED.get(name, ())):
            continue
        given = needs.get(family, {})
        run |= {package: name for package in given.get("packages", ()) if package not in run}
        build |= {package: name for package in given.get("build_packages", ()) if package not in build}
    return list(run.items()), list(build.items())


def from_dockerfile(said: Testimony, family: str) -> list[tuple[str, str]]:
    """Libraries and programs that the project's Dockerfile installs; empty for a family with other names."""
    if family != "debian":
        return []
    found = []
    for name, where in said.packages.items():
        if (
            not re.search(r"-dev\b|-doc$", name)
            and not _IN_THE_BASE.match(name)
            and (name.startswith("lib") or name in _PROGRAMS)
            and not name.startswith("libapache2-")
        ):
            found.append((name, where))
    return found


_IN_THE_BASE = re.compile(
    r"lib(?:ssl|ffi|pcre|c6|stdc|gcc|z|bz2|sqlite|expat|uuid|readline|jemalloc)[\w.+-]*$"
)
"""Libraries that the image or every wheel has anyway."""
_PROGRAMS = frozenset(
    {
        "gettext",
        "ffmpeg",
        "imagemagick",
        "ghostscript",
        "poppler-utils",
        "gdal-bin",
        "graphviz",
        "tesseract-ocr",
        "wkhtmltopdf",
        "binutils",
        "libreoffice",
        "pandoc",
        "mime-support",
        "media-types",
        "fonts-liberation",
    }
)
