"""Django's settings, read but never run: what they define, and what in them has to change."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from nuwa.detect.model import Obstacle, Volume
from nuwa.detect.source import Source, called, keyword, literal
from nuwa.detect.tree import Tree
from nuwa.manifest import checks
from nuwa.names import PROJECT

_FOR_DEVELOPMENT = ("dev", "development", "local", "debug", "base", "common", "default", "defaults", "test")
_FOR_PRODUCTION = ("production", "prod", "deploy", "deployment", "live", "heroku", "server")
_FOR_OTHERS = re.compile(r"dev|test|local|debug|ci$|example|static|pipeline|build|docs")
_KEY = 'read it with os.environ["SECRET_KEY"], and set generated = ["SECRET_KEY"] in [env]'


def for_production(tree: Tree, name: str) -> str:
    """The settings that a container should use: those for production, if `name` is for something else."""
    package, _, last = name.rpartition(".")
    choices = []
    if last in _FOR_DEVELOPMENT or (package and _is_debug(chain(tree, name))):
        choices = [f"{package}.{word}" for word in _FOR_PRODUCTION]
        choices += _siblings(tree, package)
    own = tree.module(name)
    if own is not None and own.path.name == "__init__.py":
        text = tree.text(str(own.path))
        if re.search(r"import\s+.*|from\s+\.", text) and re.search(r"\b(?:dev|development|local)\b", text):
            choices = [f"{name}.{word}" for word in _FOR_PRODUCTION]
    return next((choice for choice in choices if tree.module(choice)), name)


def _is_debug(settings: Sequence[Source]) -> bool:
    decides = next((item for item in settings if item.alternatives("DEBUG")), None)
    return bool(decides and not decides.depends("DEBUG") and _is_true(decides.assignments()["DEBUG"]))


def _siblings(tree: Tree, package: str) -> list[str]:
    """The module of a settings package that switches DEBUG off, if there is only one."""
    init = tree.module(package)
    if init is None or init.path.name != "__init__.py":
        return []
    folder = str(init.path.parent)
    found = []
    for path in tree.python:
        name = path.removeprefix(f"{folder}/").removesuffix(".py")
        if path != f"{folder}/{name}.py" or not name.isidentifier() or _FOR_OTHERS.search(name):
            continue
        source = tree.source(path)
        off = source.assignments().get("DEBUG") if source else None
        if isinstance(off, ast.Constant) and off.value is False and name not in _FOR_DEVELOPMENT:
            found.append(f"{package}.{name}")
    return found if len(found) == 1 else []


def chain(tree: Tree, name: str) -> list[Source]:
    """The settings and the modules of the project that they import everything from, the nearest first."""
    found: list[Source] = []
    waiting = [name]
    while waiting and len(found) < 12:
        source = tree.module(waiting.pop(0))
        if source is None or any(source.path == other.path for other in found):
            continue
        found.append(source)
        # The last import wins, as at run time.
        waiting += [*reversed(list(_starred(source)))]
    return found


def _starred(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield source.absolute_module(node)
        elif isinstance(node, ast.Call) and called(node) == "include":
            for word in node.args:
                text = literal(word).removesuffix(".py").replace("/", ".")
                if text:
                    yield f"{source.package}.{text}" if source.package else text


def value(settings: Sequence[Source], name: str) -> ast.expr | None:
    """The value of a setting; the first module that sets it counts."""
    return next((found for item in settings if (found := item.assignments().get(name)) is not None), None)


def text(settings: Sequence[Source], name: str) -> str:
    """A setting that is a string literal; empty if it is something else."""
    return next((found for item in settings if (found := item.text(name))), "")


def folder(settings: Sequence[Source], name: str) -> str:
    """The folder of the project that a setting names; empty if it cannot be determined or is outside."""
    for item in settings:
        if found := item.folder(name):
            return found
        if item.absolute(name):
            return ""
    return ""


def elsewhere(settings: Sequence[Source], name: str) -> tuple[str, str]:
    """The variable that a folder is read from, and its default outside the project; both empty: none."""
    given = value(settings, name)
    folder = next((found for item in settings if (found := item.absolute(name))), "")
    variable = literal(given.args[0]) if isinstance(given, ast.Call) and given.args else ""
    reads = re.fullmatch(r"[A-Z][A-Z0-9_]*", variable)
    return (variable, folder) if reads and folder else ("", "")


def key_variables(sources: Sequence[Source]) -> set[str]:
    """Environment variables that are assigned to SECRET_KEY, however they are read."""
    found = set()
    for source in sources:
        for given in source.alternatives("SECRET_KEY"):
            for node in ast.walk(given):
                if isinstance(node, ast.Call) and node.args:
                    found.add(literal(node.args[0]))
                elif isinstance(node, ast.Subscript):
                    found.add(literal(node.slice))
    return {name for name in found if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)}


def engine(settings: Sequence[Source]) -> str:
    """The database's engine that the settings name; if branches name several, a server rather than SQLite."""
    written = " ".join(ast.unparse(found) for item in settings for found in item.alternatives("DATABASES"))
    names = {"postgresql": "postgresql", "postgis": "postgresql", "mysql": "mariadb", "sqlite3": "sqlite"}
    found = [kind for word, kind in names.items() if f"backends.{word}" in written]
    servers = [kind for kind in found if kind != "sqlite"]
    return next(iter([*servers, *found]), "")


def address_in_a_branch(settings: Sequence[Source]) -> str:
    """The condition under which the settings read the database's address and not a file; empty: none."""
    for item in settings:
        for node in item.tree.body:
            if not isinstance(node, ast.If) or not node.orelse:
                continue
            taken = "\n".join(map(ast.unparse, node.body))
            otherwise = "\n".join(map(ast.unparse, node.orelse))
            names = [word.id for word in ast.walk(node.test) if isinstance(word, ast.Name)]
            values = [ast.unparse(found) for name in names for found in item.every(name)]
            test = " ".join([ast.unparse(node.test), *values])
            known = re.search(r"(?i)DATABASE|POSTGRES|debug|prod", test)
            reads = re.search(r"DATABASES\b.*\n*.*(?:dj_database_url|DATABASE_URL)", taken)
            if reads and re.search(r"DATABASES\b[\s\S]*sqlite3", otherwise) and not known:
                return ast.unparse(node.test)
    return ""


def platform_variable(settings: Sequence[Source]) -> str:
    """The variable that has to be set for the condition of `address_in_a_branch` to hold; empty: unknown."""
    condition = address_in_a_branch(settings)
    for item in settings if condition else ():
        test = ast.parse(condition, mode="eval").body
        given = item.assignments().get(test.id) if isinstance(test, ast.Name) else test
        parts = given.values if isinstance(given, ast.BoolOp) and isinstance(given.op, ast.And) else [given]
        asked = [_set_in_environment(part) for part in parts]
        wanted = [name for name, is_set in asked if is_set]
        if all(name for name, _ in asked) and len(wanted) == 1:
            return wanted[0]
    return ""


def _set_in_environment(test: ast.expr | None) -> tuple[str, bool]:
    """The variable that a condition tests, and whether it has to be set: `"DYNO" in os.environ`."""
    if not isinstance(test, ast.Compare) or ast.unparse(test.comparators[0]) not in ("os.environ", "environ"):
        return "", False
    return literal(test.left), isinstance(test.ops[0], ast.In)


def advice(settings: Sequence[Source], platform: str = "") -> Iterator[str]:
    """Sentences about what would not work as it is. Nothing is claimed about what depends on a branch.

    Args:
        platform: the variable that is set so that the database's address is read.
    """
    yield from _secret_key(settings)
    yield from _hosts(settings)
    if _is_debug(settings):
        yield "DEBUG is on in these settings: turn it off for a public site"
    condition = address_in_a_branch(settings)
    if condition and platform:
        yield f"{platform} is set, as the settings read DATABASE_URL only if {condition}"
    elif condition:
        yield (
            f"the settings read DATABASE_URL only if {condition}: otherwise the database is a file next to "
            "the code, which the app cannot write to"
        )


def obstacles(settings: Sequence[Source]) -> Iterator[Obstacle]:
    """The database's file next to the code, unless another database is configured in a branch."""
    file = "" if address_in_a_branch(settings) else database_file(settings)
    if file and "/" not in file:
        sentence = f"{file} is next to the code, which is read-only: move it to a [[volume]]"
        yield Obstacle(file, sentence, is_database=True)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _secret_key(settings: Sequence[Source]) -> Iterator[str]:
    decides = next((item for item in settings if item.alternatives("SECRET_KEY")), None)
    if decides is None:
        yield f"the settings set no SECRET_KEY: {_KEY}"
    elif all(literal(given) for given in decides.alternatives("SECRET_KEY")):
        yield f"SECRET_KEY is in the settings, and so in the image: {_KEY}"


def _hosts(settings: Sequence[Source]) -> Iterator[str]:
    given = [found for item in settings for found in item.alternatives("ALLOWED_HOSTS")]
    grows = any(_grows(item) for item in settings)
    if not grows and all(isinstance(found, ast.List) and not found.elts for found in given):
        yield (
            "ALLOWED_HOSTS is empty, so every request is refused: "
            'take os.environ["NUWA_DOMAINS"].split(), which holds the site\'s domains, and "localhost"'
        )


def _grows(source: Source) -> bool:
    """Whether ALLOWED_HOSTS is extended in place."""
    for node in ast.walk(source.tree):
        target: ast.expr | None = node.target if isinstance(node, ast.AugAssign) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value
        if isinstance(target, ast.Name) and target.id == "ALLOWED_HOSTS":
            return True
    return False


def volumes(settings: Sequence[Source], static: str = "") -> tuple[list[Volume], list[str]]:
    """A volume for each folder that the app writes to, and sentences about what prevents others."""
    media, data = folder(settings, "MEDIA_ROOT"), posixpath.dirname(database_file(settings))
    said: list[str] = []
    found = [(media, media_url(settings), "MEDIA_ROOT")] if media else []
    if media and static and (_touch(media, static) or media_url(settings) == static_url(settings)):
        said.append(
            f"MEDIA_ROOT ({media}) and STATIC_ROOT ({static}) touch, or have one URL: give uploads a folder "
            "and a URL of their own, and a [[volume]]"
        )
        found = []
    if data and media and found and _touch(media, data):
        outer = data if media.startswith(f"{data}/") else media
        said.append(
            f"uploads ({media}) and the database ({data}) are in one another: give uploads a folder of "
            "their own, so that nginx can serve it"
        )
        found = [(outer, "", "MEDIA_ROOT and DATABASES")]
    elif data:
        found.append((data, "", "DATABASES"))
    named = [
        Volume(posixpath.basename(path), f"{PROJECT}/{path}", url, where)
        for path, url, where in sorted(found)
    ]
    outside = next((path for item in settings if (path := item.absolute("MEDIA_ROOT"))), "")
    written = value(settings, "MEDIA_ROOT")
    if not (media or outside or written is None or isinstance(written, ast.Constant)):
        said.append(
            f"uploads go to MEDIA_ROOT ({ast.unparse(written)}), which the code alone does not tell: "
            "give that folder a [[volume]]"
        )
    if outside and not media:
        named.append(Volume(posixpath.basename(outside), outside, media_url(settings), "MEDIA_ROOT"))
    return [
        volume
        for volume in named
        if accepted(checks.volume_name, volume.name) and accepted(checks.absolute_path, volume.path)
    ], said


def _touch(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def media_url(settings: Sequence[Source]) -> str:
    return _prefix(_url(settings, "MEDIA_URL"), "")


def static_url(settings: Sequence[Source]) -> str:
    return _prefix(_url(settings, "STATIC_URL"), "/static/")


def _url(settings: Sequence[Source], name: str) -> str:
    """A setting that is a URL: a literal, or the default of a call that reads it from the environment."""
    given = value(settings, name)
    if called(given) in ("get", "getenv", "env", "config", "str") and isinstance(given, ast.Call):
        given = keyword(given, "default") or (given.args[1] if len(given.args) > 1 else None)
    return literal(given) or text(settings, name)


def _prefix(url: str, otherwise: str) -> str:
    prefix = f"/{url.strip('/')}/"
    return (
        prefix if url.strip("/") and "://" not in url and accepted(checks.url_prefix, prefix) else otherwise
    )


def accepted(check: Callable[[str], str], given: str) -> bool:
    """Whether a check of the manifest accepts a value."""
    try:
        return bool(check(given))
    except ValueError:
        return False


def database_file(settings: Sequence[Source]) -> str:
    """SQLite's file, relative to the project; empty if there is none inside it."""
    for item in settings:
        for line in item.tree.body:
            if isinstance(line, ast.Assign) and _is_database_name(line.targets[0]):
                return item.inside(line.value)
        for given in item.alternatives("DATABASES"):
            for node in ast.walk(given):
                entries = _entries(node)
                if literal(entries.get("ENGINE")).endswith(("sqlite3", "spatialite")):
                    return item.inside(entries.get("NAME"))
    return ""


def _is_database_name(target: ast.expr) -> bool:
    """`DATABASES["default"]["NAME"]`, as settings for production often set it."""
    return ast.unparse(target).startswith("DATABASES[") and ast.unparse(target).endswith("['NAME']")


def _entries(node: ast.AST) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    return {literal(key): given for key, given in zip(node.keys, node.values, strict=True) if key}
