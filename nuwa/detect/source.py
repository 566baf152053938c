"""Analyses Python sources without running them: assignments, calls, and the paths that expressions denote."""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath


def _unknown(_: str) -> Source | None:
    return None


@dataclass(frozen=True)
class Source:
    """A module of the project.

    Args:
        path: relative to the project.
        find: another module of the project by its dotted name.
        in_src: src/ is on the import path, and not part of module names.
    """

    path: PurePosixPath
    tree: ast.Module
    find: Callable[[str], Source | None] = field(default=_unknown, compare=False, repr=False)
    in_src: bool = True

    @property
    def module(self) -> str:
        """Its dotted name, as imported from the project's folder; src/ is on the path too."""
        parts = self.path.with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        return ".".join(parts[1:] if self.in_src and parts[:1] == ("src",) else parts)

    @property
    def package(self) -> str:
        """The dotted name that its relative imports start from."""
        return self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]

    @cached_property
    def _set(self) -> dict[str, list[tuple[ast.expr, bool]]]:
        """Every value that each name of the module is set to, and whether that is in a branch."""
        found: dict[str, list[tuple[ast.expr, bool]]] = {}
        for node, in_branch in _statements(self.tree.body):
            for name, value in _assigned(node):
                found.setdefault(name, []).append((value, in_branch))
        return found

    def assignments(self) -> dict[str, ast.expr]:
        """What its names are set to: the last assignment at the top level, else the last in a branch."""
        found = {}
        for name, values in self._set.items():
            always = [value for value, in_branch in values if not in_branch]
            found[name] = (always or [value for value, _ in values])[-1]
        return found

    def alternatives(self, name: str) -> list[ast.expr]:
        """All values that a name may have in the end, whatever branch is taken."""
        found: list[ast.expr] = []
        for value, in_branch in self._set.get(name, ()):
            found = [*found, value] if in_branch else [value]
        return found

    def every(self, name: str) -> list[ast.expr]:
        """All values that a name is set to, whatever comes after."""
        return [value for value, _ in self._set.get(name, ())]

    def depends(self, name: str) -> bool:
        """Whether what a name is set to depends on a branch."""
        return any(in_branch for _, in_branch in self._set.get(name, ()))

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
        """Its functions at the top level."""
        return {
            node.name: node
            for node, _ in _statements(self.tree.body)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """The names that its imports bind: module and name in it (empty: the module itself)."""
        found = {}
        for node, _ in _statements(self.tree.body):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.split(".")[0]
                    found[bound] = (alias.name if alias.asname else bound, "")
            elif isinstance(node, ast.ImportFrom):
                module = self.absolute_module(node)
                found.update({alias.asname or alias.name: (module, alias.name) for alias in node.names})
        return found

    def imported_modules(self) -> Iterator[str]:
        """Dotted names of the modules that it imports from."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield self.absolute_module(node)

    def absolute_module(self, node: ast.ImportFrom) -> str:
        """The absolute dotted name of the module that an import names, even if the import is relative."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, *([node.module] if node.module else [])])

    @cached_property
    def _in_classes(self) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node, _ in _statements(self.tree.body):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    for name, value in _assigned(line):
                        found.setdefault(name, []).append(value)
        return found

    def in_classes(self, name: str) -> list[ast.expr]:
        """What a name is set to in the bodies of the module's classes, as Flask's configuration often is."""
        return self._in_classes.get(name, [])

    def text(self, name: str) -> str:
        """The string literal that a name is set to; empty if it is something else."""
        return literal(self.assignments().get(name))

    def folder(self, name: str) -> str:
        """The folder of the project that a name denotes; empty if the source does not show it."""
        return next((found for value in self._values(name) if (found := self.inside(value))), "")

    def absolute(self, name: str) -> str:
        """The folder outside the project that a name denotes; empty if it denotes none."""
        for value in self._values(name):
            path = _Paths(self).path(value)
            if path and path.startswith("/") and not path.startswith("/above/\0"):
                return posixpath.normpath(path)
        return ""

    def _values(self, name: str) -> list[ast.expr]:
        given = self.assignments().get(name)
        return [given, *self.alternatives(name)] if given is not None else []

    def inside(self, value: ast.expr | None) -> str:
        """The path in the project that an expression denotes; empty if the source does not show it."""
        path = _Paths(self).path(value) if value is not None else None
        inside = posixpath.relpath(posixpath.join(_PROJECT, path), _PROJECT) if path else "."
        return "" if inside == "." or inside.startswith("..") else inside


def _statements(body: Iterable[ast.stmt], in_branch: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements of a module, including those inside `if`, `try` and `with`, and whether in a branch."""
    for node in body:
        yield node, in_branch
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            branches = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            branches += [handler.body for handler in getattr(node, "handlers", [])]
            for branch in branches:
                yield from _statements(branch, in_branch or not isinstance(node, ast.With))


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def parse(
    path: PurePosixPath,
    content: bytes,
    find: Callable[[str], Source | None] = _unknown,
    in_src: bool = True,
) -> Source | None:
    """A module, parsed from its content; None if it is not Python 3."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Source(path, ast.parse(content), find, in_src)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def literal(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called(node: ast.AST | None) -> str:
    """The last part of the name of what an expression calls: `Flask` for `flask.Flask(…)`."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """The value that a call gives to a parameter by its name."""
    return next((word.value for word in node.keywords if word.arg == name), None)


_PROJECT = "/above/\0/project"
"""Stands for the project's folder: a path that no source can name."""


class _Paths:
    """Evaluates the expressions with which settings name folders."""

    def __init__(self, source: Source, depth: int = 0) -> None:
        self._source = source
        self._names = source.assignments()
        self._file = posixpath.join(_PROJECT, source.path.as_posix())
        self._depth = depth

    def path(self, node: ast.expr) -> str | None:
        """The path that an expression denotes; a plain string is relative to the project, as at run time."""
        self._depth += 1
        if self._depth > 100:
            return None
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant):
            return literal(node) or None
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.JoinedStr):
            return self._formatted(node)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            choices = [node.orelse, node.body] if isinstance(node, ast.IfExp) else reversed(node.values)
            return next((found for choice in choices if (found := self.path(choice))), None)
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            return self._parent(node.value)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            return self._ancestor(node.value, node.slice)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _name(self, name: str) -> str | None:
        if name == "__file__":
            return self._file
        if name in self._names:
            return self.path(self._names[name])
        module, what = self._source.imports.get(name, ("", ""))
        return self._elsewhere(module, what)

    def _attribute(self, node: ast.Attribute) -> str | None:
        """`settings.BASE_DIR`, where settings is a module of the project."""
        bound = node.value.id if isinstance(node.value, ast.Name) else ""
        module, what = self._source.imports.get(bound, ("", ""))
        return self._elsewhere(".".join(part for part in (module, what) if part), node.attr)

    def _elsewhere(self, module: str, name: str) -> str | None:
        other = self._source.find(module) if module and name else None
        if other is None or other.path == self._source.path or name not in other.assignments():
            return None
        return _Paths(other, self._depth).path(other.assignments()[name])

    def _operation(self, node: ast.BinOp) -> str | None:
        if isinstance(node.op, ast.Div):
            return self._joined([node.left, node.right])
        if isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Constant):
            # environ.Path(__file__) - 3
            path, count = self.path(node.left), node.right.value
            for _ in range(count if path and isinstance(count, int) else 0):
                path = posixpath.dirname(path or "")
            return path or None
        if isinstance(node.op, ast.Add):
            left, right = self.path(node.left), self.path(node.right)
            return left + right if left is not None and right is not None else None
        return None

    def _formatted(self, node: ast.JoinedStr) -> str | None:
        parts = [
            self.path(part.value) if isinstance(part, ast.FormattedValue) else literal(part)
            for part in node.values
        ]
        return "".join(part or "" for part in parts) if all(part is not None for part in parts) else None

    def _call(self, node: ast.Call) -> str | None:
        name, function = called(node), node.func
        if name in ("resolve", "absolute", "as_posix", "__str__") and isinstance(function, ast.Attribute):
            return self.path(function.value)
        if name in ("join", "Path", "str", "abspath", "realpath", "root") and node.args:
            return self._joined(node.args)
        if name in ("joinpath", "path") and isinstance(function, ast.Attribute):
            return self._joined([function.value, *node.args])
        if name == "dirname" and node.args:
            return self._parent(node.args[0])
        default = keyword(node, "default") or (node.args[1] if len(node.args) > 1 else None)
        if isinstance(function, ast.Name) and called(self._names.get(name)) in ("Path", "path", "root"):
            # ROOT = environ.Path(…), and then ROOT("media")
            return self._joined([function, *node.args])
        return self.path(default) if default is not None else None

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
