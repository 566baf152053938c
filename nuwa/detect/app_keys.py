"""Where a Flask application gets its signing key from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nuwa.detect.source import Source, literal
from nuwa.detect.tree import Tree


def modules(tree: Tree) -> list[Source]:
    """The modules that mention the key."""
    marked = [path for path in tree.python if b"SECRET_KEY" in tree.content(path)]
    return [source for path in marked if (source := tree.source(path)) is not None]


def in_the_code(sources: Sequence[Source]) -> Iterator[str]:
    """A sentence if Flask's key is hard-coded, whatever configuration is chosen."""
    for item in sources:
        if re.search(r"dev|test|local", item.path.name):
            continue
        values = list(_key_values(item))
        if values and all(literal(value) for value in values):
            yield (
                f"SECRET_KEY is in {item.path}, and so in the image: read it with "
                'os.environ["SECRET_KEY"], and set generated = ["SECRET_KEY"] in [env]'
            )
            return


def _key_values(item: Source) -> Iterator[ast.expr]:
    """What the key is set to: at the top level, in settings classes (not those for tests), or on the app."""
    yield from item.alternatives("SECRET_KEY")
    for line in item.tree.body:
        if isinstance(line, ast.ClassDef) and not re.search(r"(?i)test|dev", line.name):
            yield from Source(item.path, ast.Module(line.body, [])).alternatives("SECRET_KEY")
    for node in ast.walk(item.tree):
        if isinstance(node, ast.Assign) and re.search(
            r"\[['\"]SECRET_KEY['\"]\]$|\.secret_key$", ast.unparse(node.targets[0])
        ):
            yield node.value


def variables(sources: Sequence[Source]) -> Iterator[str]:
    """Variables that the code assigns to Flask's SECRET_KEY."""
    for item in sources:
        for given in (*item.alternatives("SECRET_KEY"), *item.in_classes("SECRET_KEY")):
            yield from _read_in(given)
        for node in ast.walk(item.tree):
            if (
                isinstance(node, ast.Assign)
                and "SECRET_KEY" in ast.unparse(node.targets[0])
                and isinstance(node.targets[0], ast.Subscript)
            ):
                yield from _read_in(node.value)


def _read_in(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if (
            isinstance(node, ast.Call)
            and node.args
            and re.search(r"environ|getenv|env|config", ast.unparse(node.func))
        ):
            yield literal(node.args[0])
        elif isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
            yield literal(node.slice)
