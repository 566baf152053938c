"""SQLite files that a project opens by itself, with Python's own module or aiosqlite."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.detect.model import Volume
from nuwa.detect.source import Source, called, keyword, literal
from nuwa.detect.tree import Tree
from nuwa.names import PROJECT

FOLDER = "/srv/data"
_MODULES = ("sqlite3", "aiosqlite")
_READERS = ("environ.get", "getenv")
_DATA = (".db", ".db3", ".sqlite", ".sqlite3")


@dataclass
class Kept:
    """Where the files are kept, so that they outlive the container.

    Args:
        volumes: their folders.
        clear: variables that give the app another path than its default.
        check: sentences about files in places that the app cannot write to.
    """

    volumes: list[Volume] = field(default_factory=list)
    clear: dict[str, str] = field(default_factory=dict)
    check: list[str] = field(default_factory=list)


def find(tree: Tree, paths: Iterable[str]) -> Kept:
    """Find the SQLite files that modules of the project open.

    Args:
        paths: the modules.
    """
    kept = Kept()
    for path in paths:
        item = tree.source(path) if any(name.encode() in tree.content(path) for name in _MODULES) else None
        if item:
            for given in _opened(item):
                _keep(kept, tree, item, given)
    return kept


def _opened(item: Source) -> Iterator[ast.expr]:
    """What the module's calls of `sqlite3.connect` open."""
    for node in ast.walk(item.tree):
        if not isinstance(node, ast.Call) or called(node) != "connect":
            continue
        function = node.func
        bound = function.value if isinstance(function, ast.Attribute) else function
        module, _ = item.imports.get(bound.id, ("", "")) if isinstance(bound, ast.Name) else ("", "")
        given = node.args[0] if node.args else keyword(node, "database")
        if module in _MODULES and given is not None:
            yield given


def _keep(kept: Kept, tree: Tree, item: Source, given: ast.expr) -> None:
    file = item.inside(given)
    if not file or file.startswith((":memory:", "file:")):
        return
    folder, name = posixpath.split(file)
    where = f"the SQLite file in {item.path}"
    variable = _variable(item, given)
    if folder and _has_only_data(tree.root / folder):
        kept.volumes.append(Volume(posixpath.basename(folder), f"{PROJECT}/{folder}", "", where))
    elif variable:
        kept.clear[variable] = f"{FOLDER}/{name}"
        kept.volumes.append(Volume("data", FOLDER, "", where))
    else:
        kept.check.append(
            f"{item.path} opens {file}, which is next to the code, where the app cannot write: "
            "let it open a file in a folder of its own, such as data/, and make that folder a [[volume]]"
        )


def _variable(item: Source, given: ast.expr) -> str:
    """The variable FILE of `os.environ.get("FILE", "site.db")`, given directly or by a name of the module."""
    if isinstance(given, ast.Name):
        given = item.assignments().get(given.id, given)
    if not isinstance(given, ast.Call) or ast.unparse(given.func).removeprefix("os.") not in _READERS:
        return ""
    return literal(given.args[0]) if given.args else ""


def _has_only_data(folder: Path) -> bool:
    """Whether a folder holds only databases and hidden files, or does not exist yet."""
    if not folder.is_dir():
        return True
    return all(file.suffix in _DATA or file.name.startswith(".") for file in folder.iterdir())
