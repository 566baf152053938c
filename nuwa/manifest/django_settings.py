"""Django's settings, read and never run: what of them must change before they fit into a container."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nuwa.manifest import checks
from nuwa.manifest.source import Source, literal
from nuwa.names import PROJECT

_FOR_DEVELOPMENT = ("dev", "development", "local", "debug")
_FOR_PRODUCTION = ("production", "prod")

_KEY = 'read it with os.environ["SECRET_KEY"], and set generated = ["SECRET_KEY"] in [env]'


def for_production(folder: Path, name: str) -> str:
    """The settings that a container should use: those for production, where `name` is for development."""
    package, _, last = name.rpartition(".")
    if last not in _FOR_DEVELOPMENT:
        return name
    there = (
        word for word in _FOR_PRODUCTION if (folder / package.replace(".", "/") / f"{word}.py").is_file()
    )
    found = next(there, "")
    return f"{package}.{found}" if found else name


def advice(settings: Sequence[Source]) -> Iterator[str]:
    """Sentences about what would not work as it is; the first of the modules that sets a name counts."""
    yield from _secret_key(_value(settings, "SECRET_KEY"))
    hosts = _value(settings, "ALLOWED_HOSTS")
    if hosts is None or (isinstance(hosts, ast.List) and not hosts.elts):
        yield (
            "ALLOWED_HOSTS is empty, so every request is refused: "
            'take os.environ["NUWA_DOMAINS"].split(), which holds the site\'s domains, and "localhost"'
        )
    if isinstance(debug := _value(settings, "DEBUG"), ast.Constant) and debug.value is True:
        yield "DEBUG is on in these settings: a public site must have it off"
    file = _database_file(settings)
    if file and "/" not in file:
        yield f"{file} lies beside the code, which the app cannot write to: move it to a [[volume]]"


def volumes(settings: Sequence[Source]) -> tuple[tuple[str, str, str], ...]:
    """Name, path and URL prefix of a volume for each folder of the project that the app has to write to."""
    media = next((found for item in settings if (found := item.folder("MEDIA_ROOT"))), "")
    folders = {media, posixpath.dirname(_database_file(settings))} - {""}
    outer = {one for one in folders if not any(one.startswith(f"{other}/") for other in folders)}
    url = _media_url(settings)
    named = (
        (posixpath.basename(folder), f"{PROJECT}/{folder}", url if folder == media else "")
        for folder in sorted(outer)
    )
    return tuple(volume for volume in named if _is(checks.volume_name, volume[0]))


def _media_url(settings: Sequence[Source]) -> str:
    url = next((text for item in settings if (text := item.text("MEDIA_URL"))), "").strip("/")
    return f"/{url}/" if url and _is(checks.url_prefix, f"/{url}/") else ""


def _is(check: Callable[[str], str], value: str) -> bool:
    try:
        return bool(check(value))
    except ValueError:
        return False


def _value(settings: Sequence[Source], name: str) -> ast.expr | None:
    return next((value for item in settings if (value := item.assignments().get(name)) is not None), None)


def _secret_key(value: ast.expr | None) -> Iterator[str]:
    if value is None:
        yield f"the settings set no SECRET_KEY: {_KEY}"
    elif literal(value):
        yield f"SECRET_KEY stands in the settings, and so in the image: {_KEY}"


def _database_file(settings: Sequence[Source]) -> str:
    """SQLite's file, relative to the project; empty where there is none inside of it."""
    for item in settings:
        for line in item.tree.body:
            if isinstance(line, ast.Assign) and _is_database_name(line.targets[0]):
                return item.inside(line.value)
        for node in ast.walk(item.assignments().get("DATABASES", ast.Constant(None))):
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
    return {literal(key): value for key, value in zip(node.keys, node.values, strict=True) if key}
