"""Env files that the code needs to start, and that the image does not contain."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from nuwa.detect.source import Source, called, keyword
from nuwa.detect.tree import Tree


def needed(tree: Tree, paths: Iterable[str]) -> dict[str, str]:
    """The files, each with the module that reads it: Starlette's `Config(".env")` fails if there is none.

    An empty file is enough, since environment variables take precedence.
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
    """Whether files of that name are left out of every image, even if git tracks them."""
    name = file.rpartition("/")[2]
    return name == ".env" or name.startswith(".env.")
