"""Files of variables without which the code does not start, though the image has none of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from nuwa.detect.source import Source, called, keyword
from nuwa.detect.tree import Tree


def needed(tree: Tree, paths: Iterable[str]) -> dict[str, str]:
    """The files, each with the module that reads it: `Config(".env")` of Starlette ends where there is none.

    An empty one serves, as variables of the environment come first.
    """
    marked = [path for path in paths if b"starlette.config" in tree.content(path)]
    sources = [source for path in marked if (source := tree.source(path)) is not None]
    found = ((file, str(source.path)) for source in sources for file in _files(source))
    return {file: where for file, where in found if _is_left_out(file) or not tree.has(file)}


def _files(source: Source) -> Iterator[str]:
    bound = [name for name, given in source.imports.items() if given == ("starlette.config", "Config")]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and called(node) in bound:
            given = keyword(node, "env_file") or next(iter(node.args), None)
            if file := source.inside(given):
                yield file


def _is_left_out(file: str) -> bool:
    """Whether no image gets a file of that name, whatever git tracks."""
    name = file.rpartition("/")[2]
    return name == ".env" or name.startswith(".env.")
