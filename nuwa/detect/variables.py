"""The environment variables that a project reads, with any of the usual libraries."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from nuwa.detect import ini_files
from nuwa.detect.model import Variable
from nuwa.detect.source import Source, called, keyword, literal
from nuwa.detect.tree import Tree

_PLAIN = re.compile(
    rb"""(?<![\w.])(?:(?:os\.)?environ(?:\.get\(|\.pop\(|\[)|(?:os\.)?getenv\()\s*["']([A-Za-z_][A-Za-z0-9_]*)["']\s*([,\]\)]?)(?:\s*(?:["']([^"'\n]*)["']|(True|False|\d+))\s*\))?"""
)
"""os.environ["X"], os.environ.get("X"), os.getenv("X"): found without parsing."""
_MARKS = (
    b"dj_database_url",
    b"environ",
    b"getenv",
    b"decouple",
    b"Settings",
    b"starlette.config",
    b"dotenv_values",
)
_READING_MODULES = ("environ", "decouple", "environs", "starlette.config", "prettyconf", "goodconf")
"""Libraries whose objects are called with the name of a variable."""
_METHODS = frozenset(
    {
        *("str", "bool", "int", "float", "list", "tuple", "dict", "json", "url", "path", "unicode", "bytes"),
        *(
            "db",
            "db_url",
            "dj_db_url",
            "cache",
            "cache_url",
            "email",
            "email_url",
            "search_url",
            "channels_url",
        ),
        *("decimal", "date", "datetime", "timedelta", "uuid", "log_level", "enum", "get_value"),
    }
)
_IMPLIED = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "dj_db_url": "DATABASE_URL", "cache": "CACHE_URL"}
_IMPLIED |= {"cache_url": "CACHE_URL", "email": "EMAIL_URL", "email_url": "EMAIL_URL"}
_TYPES = frozenset({"str", "bool", "int", "float", "list", "tuple", "dict"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read(tree: Tree, paths: Iterable[str]) -> list[Variable]:
    """The variables that some modules read, each once; the first that reads one decides if it is required.

    Args:
        tree: the project.
        paths: the modules, the most telling ones first: the first default that is found counts.
    """
    paths = [path for path in paths if _may_read(tree.content(path), path)]
    wrappers = {name: rule for path in paths for name, rule in _wrappers(tree, path).items()}
    settings = _settings_classes(tree, paths)
    found: dict[str, Variable] = {}
    marks = tuple(f"{name}(".encode() for name in wrappers)
    modules = [*paths, *_callers(tree, marks, set(paths))]
    read_by_code = (item for path in modules for item in _of_module(tree, path, wrappers, settings))
    for variable in chain(read_by_code, ini_files.read(tree, paths)):
        before = found.get(variable.name)
        undecided = before is not None and before.default is None and not before.required
        here = before is not None and before.where == variable.where and variable.required
        if before is None or (undecided and (variable.default is not None or here)):
            found[variable.name] = variable
    return list(found.values())


def _may_read(content: bytes, path: str) -> bool:
    """Whether a module may read variables; settings may import their reader from other settings."""
    return any(mark in content for mark in _MARKS) or (_is_settings(path) and b"import *" in content)


def _callers(tree: Tree, marks: tuple[bytes, ...], seen: set[str]) -> Iterator[str]:
    """Modules that use the project's own wrapper around the environment."""
    for path in tree.python if marks else ():
        if path not in seen and any(mark in tree.content(path) for mark in marks):
            yield path


def _of_module(tree: Tree, path: str, wrappers: dict[str, bool], settings: set[str]) -> Iterator[Variable]:
    content = tree.content(path)
    needs_parsing = (
        b"import *" in content
        or any(
            f"{name}".encode() in content for name in (*_READING_MODULES, "BaseSettings", "dj_database_url")
        )
        or any(f"{name}(".encode() in content for name in wrappers)
    )
    source = tree.source(path) if needs_parsing or _is_settings(path) else None
    if source is None:
        yield from _plain(content, path)
        return
    yield from _plain_parsed(source)
    yield from _database_url(source)
    yield from _library(source, wrappers)
    yield from _pydantic(source, settings)


def _is_settings(path: str) -> bool:
    return bool(re.search(r"settings|config|conf/", path))


def _plain(content: bytes, path: str) -> Iterator[Variable]:
    for found in _PLAIN.finditer(content):
        subscript = found[0].rstrip(b" \"'],)").rpartition(b"[")[1] == b"[" or b"environ[" in found[0]
        has_default = found[2] == b","
        name = found[1].decode()
        default = (
            (found[3] or found[4] or b"").decode("utf-8", "replace")
            if (has_default and found[3] is not None) or found[4]
            else None
        )
        yield Variable(name, default, required=subscript and not has_default, where=path)


def _plain_parsed(source: Source) -> Iterator[Variable]:
    """os.environ and os.getenv, with their defaults."""
    path = str(source.path)
    guarded = {
        literal(node.left)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Compare) and any(_is_environ(item) for item in node.comparators)
    }
    conditional = set(_conditional(source.tree))
    used = set(_used(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Subscript) and _is_environ(node.value) and isinstance(node.ctx, ast.Load):
            name = literal(node.slice)
            if name:
                needed = name not in guarded and node not in conditional
                yield Variable(name, None, required=needed, where=path)
        if isinstance(node, ast.Call) and node.args and _reads_environ(node.func):
            name = literal(node.args[0])
            if name:
                needed = node in used and not _has_default(node) and node not in conditional
                yield Variable(name, _default(node), required=needed, where=path)
    yield from (Variable(name, None, where=path) for name in guarded if name)


def _used(tree: ast.Module) -> Iterator[ast.AST]:
    """Expressions that must not be None: `os.environ.get("X").split()` and `int(os.environ.get("X"))`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.value
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("int", "float")
        ):
            yield from node.args


def _conditional(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs only under a condition; conditions on debug or production do not count, as they are known."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and not re.search(r"(?i)debug|prod", ast.unparse(node.test)):
            for branch in (node.body, node.orelse):
                yield from (inner for statement in branch for inner in ast.walk(statement))
        elif isinstance(node, ast.IfExp):
            yield from (inner for choice in (node.body, node.orelse) for inner in ast.walk(choice))
        elif isinstance(node, ast.BoolOp):
            yield from (inner for value in node.values[1:] for inner in ast.walk(value))


def _database_url(source: Source) -> Iterator[Variable]:
    """dj_database_url.config(), which reads DATABASE_URL unless `env` names another variable."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dj_database_url.config":
            name = literal(keyword(node, "env")) or "DATABASE_URL"
            yield Variable(name, as_text(keyword(node, "default")), where=str(source.path))


def _is_environ(node: ast.AST) -> bool:
    return ast.unparse(node) in ("os.environ", "environ")


def _reads_environ(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        if function.attr == "getenv":
            return True
        return function.attr in ("get", "pop") and _is_environ(function.value)
    return isinstance(function, ast.Name) and function.id == "getenv"


def _default(node: ast.Call) -> str | None:
    """The default that a call passes, as the text that the variable would have."""
    given = keyword(node, "default")
    if given is None and len(node.args) > 1:
        given = node.args[-1]
    return as_text(given)


def as_text(node: ast.expr | None) -> str | None:
    """A constant as text; None if it is None, or not a constant."""
    if not isinstance(node, ast.Constant) or node.value is None:
        return None
    return node.value if isinstance(node.value, str) else str(node.value)


def _library(source: Source, wrappers: dict[str, bool]) -> Iterator[Variable]:
    """django-environ, environs, python-decouple, starlette's Config, and wrappers of the project's own."""
    readers = set(_reader_names(source))
    if not readers and not wrappers:
        return
    schema = dict(_schema(source))
    conditional = set(_conditional(source.tree))
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        owner, method = _split(node.func)
        name = literal(node.args[0]) if node.args else ""
        if owner in readers and (not method or method in _METHODS):
            name = name or (_IMPLIED.get(method, "") if not node.args else "")
            optional = _has_default(node) or name in schema
            default = _default(node) if _has_default(node) else schema.get(name)
        elif owner in wrappers and not method:
            optional, default = wrappers[owner] or _has_default(node), _default(node)
        else:
            continue
        if _NAME.fullmatch(name):
            needed = not optional and node not in conditional
            yield Variable(name, default, required=needed, where=str(source.path))


def _reader_names(source: Source, depth: int = 0) -> Iterator[str]:
    """The module's names for objects that read variables: `env`, `config`, imported or assigned."""
    for node in source.tree.body if depth < 4 else ():
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            other = source.find(source.absolute_module(node))
            yield from _reader_names(other, depth + 1) if other is not None else ()
    for bound, (module, name) in source.imports.items():
        if module.split(".")[0] in ("decouple", "prettyconf") and name in ("config", "AutoConfig"):
            yield bound
    for bound, value in source.assignments().items():
        maker, _ = _split(value.func) if isinstance(value, ast.Call) else ("", "")
        module = source.imports.get(maker, ("", ""))[0]
        if called(value) in ("Env", "FileAwareEnv", "Config", "AutoConfig", "EnvReader") and (
            module in _READING_MODULES or module.split(".")[0] in _READING_MODULES
        ):
            yield bound
    for bound, (module, name) in source.imports.items():
        other = source.find(module) if module and name in ("env", "config") else None
        if other is not None and depth < 4 and name in set(_reader_names(other, depth + 1)):
            yield bound


def _schema(source: Source) -> Iterator[tuple[str, str | None]]:
    """The defaults in `environ.Env(DEBUG=(bool, False))`."""
    for value in source.assignments().values():
        if isinstance(value, ast.Call) and called(value) in ("Env", "FileAwareEnv"):
            for word in value.keywords:
                if word.arg and isinstance(word.value, ast.Tuple) and len(word.value.elts) == 2:
                    yield word.arg, as_text(word.value.elts[1])


def _split(function: ast.expr) -> tuple[str, str]:
    """`env.str` as its two parts; a plain name has no second one."""
    if isinstance(function, ast.Name):
        return function.id, ""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id, function.attr
    return "", ""


def _has_default(node: ast.Call) -> bool:
    """Whether a call has a default; a type as its second argument is a conversion."""
    casts = len(node.args) == 2 and isinstance(node.args[1], ast.Name) and node.args[1].id in _TYPES
    return keyword(node, "default") is not None or (len(node.args) > 1 and not casts)


def _wrappers(tree: Tree, path: str) -> dict[str, bool]:
    """Functions of a module that read the variable that their first parameter names; True: with a default."""
    if b"def " not in tree.content(path):
        return {}
    source = tree.source(path)
    readers = set(_reader_names(source)) if source else set()
    found = {}
    for name, function in source.functions.items() if source else ():
        parameters = function.args.args
        if not parameters or name == "main":
            continue
        first = parameters[0].arg
        for node in ast.walk(function):
            subscript = (
                isinstance(node, ast.Subscript) and _is_environ(node.value) and _is_name(node.slice, first)
            )
            call = (
                isinstance(node, ast.Call)
                and bool(node.args)
                and (_reads_environ(node.func) or _split(node.func)[0] in readers)
                and _is_name(node.args[0], first)
            )
            if subscript or call:
                optional = bool(function.args.defaults) or (call and len(parameters) == 1)
                found[name] = optional and not _insists(function)
    return found


def _insists(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function fails if it finds nothing: `if not value: raise …`."""
    return any(
        isinstance(node, ast.If)
        and re.fullmatch(r"not \w+|\w+ is None", ast.unparse(node.test))
        and any(isinstance(item, ast.Raise) for item in node.body)
        for node in ast.walk(function)
    )


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _settings_classes(tree: Tree, paths: Iterable[str]) -> set[str]:
    """Names of the classes that inherit from pydantic's BaseSettings, directly or across modules."""
    sources = [tree.source(path) for path in paths if b"Settings" in tree.content(path)]
    classes = [node for source in sources if source for node in _classes(source)]
    settings = {"BaseSettings"}
    for _ in range(5):
        settings |= {node.name for node in classes if any(_last(base) in settings for base in node.bases)}
    return settings


def _classes(source: Source) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef))


def _pydantic(source: Source, settings: set[str]) -> Iterator[Variable]:
    """Fields of pydantic's BaseSettings."""
    for node in _classes(source):
        if node.name in settings:
            prefix = _prefix(node)
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    yield from _field(item, item.target.id, prefix, str(source.path))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _prefix(node: ast.ClassDef) -> str:
    for item in ast.walk(node):
        if isinstance(item, ast.Call) and called(item) in ("SettingsConfigDict", "ConfigDict"):
            return literal(keyword(item, "env_prefix"))
        if isinstance(item, ast.Assign) and any(_is_name(target, "env_prefix") for target in item.targets):
            return literal(item.value)
    return ""


def _field(item: ast.AnnAssign, name: str, prefix: str, path: str) -> Iterator[Variable]:
    kind = ast.unparse(item.annotation)
    if (
        name.startswith("_")
        or name in ("model_config", "Config")
        or kind.startswith(("ClassVar", "typing.ClassVar"))
    ):
        return
    value, alias, required, default = item.value, "", item.value is None, as_text(item.value)
    if isinstance(value, ast.Call) and called(value) in ("Field", "PrivateAttr"):
        given = keyword(value, "default") or (value.args[0] if value.args else None)
        made = keyword(value, "default_factory")
        required = made is None and (
            given is None or (isinstance(given, ast.Constant) and given.value is ...)
        )
        default = as_text(given) if not required else None
        alias = literal(keyword(value, "env")) or literal(keyword(value, "validation_alias"))
        alias = alias or literal(keyword(value, "alias"))
    elif isinstance(value, ast.Constant) and value.value is ...:
        required, default = True, None
    yield Variable(alias or f"{prefix}{name}".upper(), default, required=required, where=path)
