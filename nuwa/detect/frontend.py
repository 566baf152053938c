"""A frontend that Node builds: a package.json with a build script, and where the result goes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pathspec import GitIgnoreSpec

from nuwa.detect.django_settings import accepted
from nuwa.detect.documents import json_document
from nuwa.detect.model import Frontend
from nuwa.detect.tree import NOT_THE_PROJECT, Tree
from nuwa.manifest import checks
from nuwa.requirements.node import LOCKS, scripts

_SERVERS = ("next", "nuxt", "@remix-run/node", "@sveltejs/adapter-node")
"""Packages that make a frontend a server of its own, without files for another server to serve."""
_DEFAULT_OUTPUTS = (
    ("react-scripts", "build"),
    ("vite", "dist"),
    ("@vue/cli-service", "dist"),
    ("parcel", "dist"),
)
_FOLDER = (
    r"""\s*:\s*([\w.]*\b(?:resolve|join)\(\s*(?:(?:__dirname|import\.meta\.dirname)\s*,\s*)?)?"""
    r"""["'`]([\w./@-]+)["'`]"""
)
_CONFIGURATIONS = (
    ("vite.config.*", re.compile(rf"\boutDir{_FOLDER}")),
    ("vue.config.*", re.compile(rf"\boutputDir{_FOLDER}")),
    ("webpack*.js", re.compile(rf"\bpath{_FOLDER}")),
    ("webpack*.ts", re.compile(rf"\bpath{_FOLDER}")),
)
"""Configuration files of build tools, each with the setting that names the output folder."""
_ROOT = re.compile(rf"\broot{_FOLDER}")
_OUT_OPTION = re.compile(r"(?:\s-o|\s--out(?:put|file|dir)?(?:-path|-dir)?|\s--outDir)[ =]([\w./@-]+)")

_RUNS = re.compile(r"\b(?:npm|pnpm|yarn|npm-run-all|run-s|run-p)\s+([^&|;]+)")
"""How one script runs others: the words that follow are their names, or patterns such as `build:*`."""


def find(tree: Tree) -> tuple[Frontend | None, tuple[str, ...], list[str]]:
    """The frontend of a project.

    Returns:
        What `[build.node]` builds; built files that git ignores, so that only `image.include` brings them in;
        and sentences about what a person should look at.
    """
    found: list[Frontend] = []
    said: list[str] = []
    included: list[str] = []
    for path in tree.named("package.json"):
        folder = posixpath.dirname(path)
        if folder.count("/") > 2 or NOT_THE_PROJECT.intersection(folder.split("/")):
            continue
        package = json_document(tree, path)
        outputs = list(_outputs(tree, folder, package))
        if "build" not in scripts(package) or any(name in _dependencies(package) for name in _SERVERS):
            continue
        if not any(tree.has(posixpath.join(folder, lock)) for lock in LOCKS):
            built = [output for output in outputs if _is_ignored_and_there(tree, output)]
            included += built
            said += (
                [] if built else [f"{path} builds a frontend and has no lock file: [build.node] needs one"]
            )
        elif not outputs:
            said.append(
                f"{path} builds a frontend, but its output folder is unknown: set output in [build.node]"
            )
        else:
            found.append(Frontend(folder or ".", tuple(outputs), _templates(tree, folder, package), path))
    said += [
        f"{other.where} builds another frontend, but [build.node] can build only one" for other in found[1:]
    ]
    return (found[0] if found else None), tuple(f"{path}/" for path in included), said


def _dependencies(package: Mapping[str, Any]) -> set[str]:
    tables = (package.get("dependencies"), package.get("devDependencies"))
    return {name for table in tables if isinstance(table, dict) for name in table}


def _outputs(tree: Tree, folder: str, package: Mapping[str, Any]) -> Iterator[str]:
    """Its output folders: those set on the command line or in the tool's configuration, else the default."""
    told = [option for text in _build_scripts(package) for option in _OUT_OPTION.findall(f" {text}")]
    for pattern, expression in _CONFIGURATIONS if not told else ():
        for path in tree.named(pattern):
            text = tree.text(path)
            if posixpath.dirname(path) == folder and (given := expression.search(text)):
                told.append(given[2] if given[1] else posixpath.join(_root(text), given[2]))
    if not told:
        named = _dependencies(package)
        told = [output for tool, output in _DEFAULT_OUTPUTS if tool in named][:1]
    for path in dict.fromkeys(posixpath.normpath(posixpath.join(folder, output)) for output in told):
        if accepted(checks.relative_path, path):
            yield path


def _build_scripts(package: Mapping[str, Any]) -> Iterator[str]:
    """The script called build and those that it runs; -o in any other script does not name its output."""
    known = scripts(dict(package))
    waiting, seen = ["build"], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in seen:
            seen.add(name)
            yield known[name]
            words = {word.strip("\"'") for found in _RUNS.findall(known[name]) for word in found.split()}
            waiting += [other for other in known if any(fnmatchcase(other, word) for word in words)]


def _root(configuration: str) -> str:
    """The folder that Vite resolves relative paths against."""
    given = _ROOT.search(configuration)
    return given[2] if given else ""


def _templates(tree: Tree, folder: str, package: Mapping[str, Any]) -> tuple[str, ...]:
    """Template folders outside the frontend's own, which Tailwind scans for class names."""
    if folder and any("tailwind" in name for name in _dependencies(package)):
        found = {re.sub(r"(^|.*?/)templates/.*", r"\1templates/", path) for path in tree.named("*.html")}
        outside = {
            path for path in found if path.endswith("templates/") and not path.startswith(f"{folder}/")
        }
        return tuple(sorted(path for path in outside if accepted(checks.glob, path)))
    return ()


def _is_ignored_and_there(tree: Tree, path: str) -> bool:
    """Whether a folder was built already, and git ignores it."""
    if not (tree.root / path).is_dir():
        return False
    parts = path.split("/")
    for depth in range(len(parts)):
        above = "/".join(parts[:depth])
        rules = tree.text(posixpath.join(above, ".gitignore")).splitlines()
        if GitIgnoreSpec.from_lines(rules).match_file(f"{'/'.join(parts[depth:])}/"):
            return True
    return False
