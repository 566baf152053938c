"""Environment variables that are substituted in the values of an INI file."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Iterator

from nuwa.detect.model import Variable
from nuwa.detect.source import Source, called, literal
from nuwa.detect.tree import Tree

_ENVIRONMENT = ("os.environ", "environ")
_READERS = ("os.getenv", "getenv", "os.environ.get", "environ.get")


def read(tree: Tree, paths: Iterable[str]) -> Iterator[Variable]:
    """The variables used by the INI files that some modules read with configparser.

    With `ConfigParser(os.environ)`, these are the names in `%(NAME)s`; with an interpolation that looks up an
    option's own name in the environment, the options without a value.
    """
    for path in paths:
        content = tree.content(path)
        wanted = b"configparser" in content and (b"environ" in content or b"getenv" in content)
        source = tree.source(path) if wanted else None
        if source is None:
            continue
        given, own_name = _takes_environment(source), _asks_for_options(source)
        for file in _files(tree, source) if given or own_name else ():
            yield from _of_file(tree.text(file), file, given=given, own_name=own_name)


def _takes_environment(source: Source) -> bool:
    """Whether a module calls `ConfigParser(os.environ)`."""
    return any(
        isinstance(node, ast.Call)
        and called(node).endswith("ConfigParser")
        and any(
            ast.unparse(item) in _ENVIRONMENT
            for item in [*node.args, *(word.value for word in node.keywords)]
        )
        for node in ast.walk(source.tree)
    )


def _asks_for_options(source: Source) -> bool:
    """Whether a module has an interpolation class in which a method calls `os.getenv` with its parameter."""
    return any(
        isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith("Interpolation") for base in node.bases)
        and any(_reads_own_parameter(item) for item in node.body if isinstance(item, ast.FunctionDef))
        for node in ast.walk(source.tree)
    )


def _reads_own_parameter(method: ast.FunctionDef) -> bool:
    parameters = {item.arg for item in method.args.args}
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in _READERS
        and bool(node.args)
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id in parameters
        for node in ast.walk(method)
    )


def _files(tree: Tree, source: Source) -> Iterator[str]:
    """The INI files that a module names and that are next to it or at the top of the project."""
    folder = f"{source.path.parent}/".removeprefix("./")
    names = {literal(node) for node in ast.walk(source.tree)}
    for name in sorted(name for name in names if re.fullmatch(r"[\w./-]+\.(?:ini|cfg|conf)", name)):
        yield from [path for path in dict.fromkeys((f"{folder}{name}", name)) if tree.has(path)][:1]


def _of_file(text: str, path: str, *, given: bool, own_name: bool) -> Iterator[Variable]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in parser.sections():
        options = dict(parser.items(section))
        for name, value in options.items():
            if own_name and not value:
                yield Variable(name, None, where=path)
            for wanted in re.findall(r"%\((\w+)\)s", value or "") if given else ():
                if wanted not in options:
                    yield Variable(wanted, None, required=True, where=path)
