"""Python sources looked at, never run: assignments, calls, and the paths that expressions mean."""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A module of the project.

    Args:
        path: relative to the project.
    """

    path: Path
    tree: ast.Module

    @property
    def module(self) -> str:
        """Its dotted name, as imported from the project's folder."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def assignments(self) -> dict[str, ast.expr]:
        """What its names are set to at the top level; the last assignment counts."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found.update({name.id: node.value for name in node.targets if isinstance(name, ast.Name)})
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id] = node.value
        return found

    def functions(self) -> set[str]:
        """The names of its functions at the top level."""
        return {node.name for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    def text(self, name: str) -> str:
        """The text that a name is set to; empty when it is none."""
        return literal(self.assignments().get(name))

    def folder(self, name: str) -> str:
        """The folder of the project that a name means; empty when that cannot be told from the source."""
        return self.inside(self.assignments().get(name))

    def inside(self, value: ast.expr | None) -> str:
        """The path in the project that an expression means; empty when that cannot be told."""
        path = _Paths(self).path(value) if value is not None else None
        inside = posixpath.relpath(posixpath.join(_PROJECT, path), _PROJECT) if path else "."
        return "" if inside == "." or inside.startswith("..") else inside


def read(project: Path, path: Path) -> Source | None:
    """The module at `path` (relative to the project); None when it is not there or is not Python 3."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Source(path, ast.parse((project / path).read_bytes()))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called(node: ast.expr | None) -> str:
    """The last part of the name of what an expression calls: `Flask` for `flask.Flask(…)`."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


_READERS = ("os.environ.get", "environ.get", "os.getenv", "getenv")


def environment_names(tree: ast.AST) -> Iterator[str]:
    """The variables that a source reads with `os.environ[…]`, `os.environ.get(…)` or `os.getenv(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ"):
            yield literal(node.slice)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in _READERS:
            yield literal(node.args[0])


_PROJECT = "/above/\0/project"
"""Stands for the project's folder, at a place that no source names."""


class _Paths:
    """Follows the expressions by which settings name folders."""

    def __init__(self, source: Source) -> None:
        self._names = source.assignments()
        self._file = posixpath.join(_PROJECT, source.path.as_posix())
        self._depth = 0

    def path(self, node: ast.expr) -> str | None:
        """The path that an expression means: a text is relative to the project, as at run time."""
        self._depth += 1
        if self._depth > 100:
            return None
        if isinstance(node, ast.Name):
            value = self._names.get(node.id)
            return self._file if node.id == "__file__" else self.path(value) if value is not None else None
        if isinstance(node, ast.Constant):
            return literal(node) or None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._joined([node.left, node.right])
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            return self._parent(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            return self._ancestor(node.value, node.slice)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _call(self, node: ast.Call) -> str | None:
        name, function = called(node), node.func
        if name in ("resolve", "absolute") and isinstance(function, ast.Attribute):
            return self.path(function.value)
        if name in ("join", "Path", "str", "abspath", "realpath") and node.args:
            return self._joined(node.args)
        if name == "joinpath" and isinstance(function, ast.Attribute):
            return self._joined([function.value, *node.args])
        return self._parent(node.args[0]) if name == "dirname" and node.args else None

    def _joined(self, nodes: list[ast.expr]) -> str | None:
        parts = [self.path(node) for node in nodes]
        known = [part for part in parts if part is not None]
        return posixpath.join(*known) if len(known) == len(parts) else None

    def _parent(self, node: ast.expr) -> str | None:
        path = self.path(node)
        return posixpath.dirname(path) if path else None

    def _ancestor(self, parents: ast.Attribute, index: ast.expr) -> str | None:
        """`path.parents[2]`"""
        path = self.path(parents.value) if parents.attr == "parents" else None
        count = index.value if isinstance(index, ast.Constant) else None
        if path is None or not isinstance(count, int):
            return None
        for _ in range(count + 1):
            path = posixpath.dirname(path)
        return path
