"""Which web framework a project is made with, and what follows from that for its manifest."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.manifest import django_settings, source
from nuwa.manifest.source import Source

_USUAL_FILES = ("wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "api.py", "run.py")
_USUAL_NAMES = ("application", "app", "api", "server")
_NOT_THE_PROJECT = {
    "node_modules",
    "venv",
    "env",
    "build",
    "dist",
    "tests",
    "test",
    "docs",
    "examples",
    "site-packages",
}
_MOST_FILES = 500
"""Files that are looked at; enough to find an application near the top, quick in any tree."""


@dataclass(frozen=True)
class Web:
    """An application, as far as reading its source tells.

    Args:
        module: module:object.
        kind: the server that fits, as in `server.kind`.
        found, check: sentences about what was recognised, and about what a person should look at.
        volumes: name, path and URL prefix (empty: none) of each folder that it writes to.
    """

    framework: str
    module: str
    kind: str
    found: str
    check: tuple[str, ...] = ()
    websocket: bool = False
    static_directory: str = ""
    static_url: str = ""
    volumes: tuple[tuple[str, str, str], ...] = ()
    collect: str = ""
    release: str = ""
    checks: str = ""
    database: str = ""
    clear: Mapping[str, str] = field(default_factory=dict)
    generated: tuple[str, ...] = ()


def recognise(folder: Path) -> Web | None:
    """The application of the project in `folder`: Django by its manage.py, then FastAPI and Flask."""
    return _django(folder) or _other(folder)


def _django(folder: Path) -> Web | None:
    manage = source.read(folder, Path("manage.py"))
    settings_name = _settings_module(manage) if manage else ""
    if not settings_name:
        return None
    settings_name = django_settings.for_production(folder, settings_name)
    settings = _settings_sources(folder, settings_name)
    package = settings_name.split(".")[0]
    asgi = _names_application(settings, "ASGI_APPLICATION")
    wsgi = _names_application(settings, "WSGI_APPLICATION")
    module = asgi or wsgi or f"{package}.wsgi:application"
    check = [] if settings else [f"the settings ({settings_name}) were not found: static files are left out"]
    if not (folder / (module.split(":")[0].replace(".", "/") + ".py")).is_file():
        check.append(f"server.module: {module} was not found in the project")
    static = next((found for item in settings if (found := item.folder("STATIC_ROOT"))), "")
    if settings and not static:
        check.append("STATIC_ROOT could not be told from the settings: set it, and [static] directory")
    check += django_settings.advice(settings) if settings else []
    generated, others = _variables(settings)
    if others:
        check.append(f"the settings read {', '.join(others)}: name what is needed in [env]")
    return Web(
        framework="Django",
        module=module,
        kind="uvicorn" if asgi else "gunicorn",
        websocket=bool(asgi),
        found=f"Django: settings {settings_name}, application {module}",
        check=tuple(check),
        static_directory=static,
        volumes=django_settings.volumes(settings),
        static_url=_static_url(settings),
        collect="python manage.py collectstatic --noinput" if static else "",
        release="python manage.py migrate --noinput",
        checks="python manage.py check",
        database=_database(settings),
        clear={"DJANGO_SETTINGS_MODULE": settings_name},
        generated=generated,
    )


def _settings_module(manage: Source) -> str:
    """The default that manage.py gives DJANGO_SETTINGS_MODULE."""
    for node in ast.walk(manage.tree):
        if isinstance(node, ast.Call) and source.called(node) == "setdefault" and len(node.args) == 2:
            name = source.literal(node.args[1])
            if source.literal(node.args[0]) == "DJANGO_SETTINGS_MODULE" and _is_dotted(name):
                return name
    return ""


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _settings_sources(folder: Path, name: str) -> list[Source]:
    """The settings, and the modules beside them that they may be built on."""
    base = Path(*name.split("."))
    beside = [base.parent / part for part in ("base.py", "common.py", "defaults.py")]
    paths = [base.with_suffix(".py"), base / "__init__.py", base / "base.py", base / "production.py", *beside]
    return [found for path in paths if (found := source.read(folder, path))]


def _names_application(settings: list[Source], name: str) -> str:
    """`WSGI_APPLICATION = "site.wsgi.application"` as module:object."""
    dotted = next((text for item in settings if (text := item.text(name))), "")
    module, _, attribute = dotted.rpartition(".")
    return f"{module}:{attribute}" if module and _is_dotted(dotted) else ""


def _static_url(settings: list[Source]) -> str:
    url = next((text for item in settings if (text := item.text("STATIC_URL"))), "/static/")
    prefix = f"/{url.strip('/')}/"
    return prefix if re.fullmatch(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+", prefix) else "/static/"


def _database(settings: list[Source]) -> str:
    text = " ".join(ast.unparse(value) for item in settings if (value := item.assignments().get("DATABASES")))
    names = {"postgresql": "postgresql", "mysql": "mariadb", "sqlite3": "sqlite"}
    return next((engine for word, engine in names.items() if f"backends.{word}" in text), "")


def _variables(settings: list[Source]) -> tuple[tuple[str, ...], list[str]]:
    """The variables that the settings read: secret keys, which bin/run can make up, and others."""
    names = {name for item in settings for name in source.environment_names(item.tree) if name.isidentifier()}
    names -= {"DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
    names = {name for name in names if not name.startswith(("NUWA_", "S6_"))}
    keys = {name for name in names if name.endswith("SECRET_KEY")}
    return tuple(sorted(keys)), sorted(names - keys)


@dataclass(frozen=True)
class _Candidate:
    framework: str
    item: Source
    name: str

    @property
    def module(self) -> str:
        return f"{self.item.module}:{self.name}"

    @property
    def rank(self) -> tuple[bool, int, int, int, str]:
        """What is met first: FastAPI before Flask (which may be mounted in it), the top, usual names."""
        file, name = self.item.path.name, self.name
        depth = len(self.item.path.parts) - (file == "__init__.py")
        return (
            self.framework == "Flask",
            depth,
            _USUAL_FILES.index(file) if file in _USUAL_FILES else len(_USUAL_FILES),
            _USUAL_NAMES.index(name) if name in _USUAL_NAMES else len(_USUAL_NAMES),
            self.module,
        )


def _other(folder: Path) -> Web | None:
    sources = [found for path in _python_files(folder) if (found := source.read(folder, path))]
    candidates = sorted(
        (found for item in sources for found in _candidates(item)), key=lambda found: found.rank
    )
    if not candidates:
        return None
    best, others = candidates[0], [item.module for item in candidates[1:]]
    asgi = best.framework != "Flask"
    return Web(
        framework=best.framework,
        module=best.module,
        kind="uvicorn" if asgi else "gunicorn",
        websocket=asgi and any(_has_websocket(item) for item in sources),
        found=f"{best.framework}: application {best.module}",
        check=(f"other applications: {', '.join(others)}",) if others else (),
    )


def _candidates(item: Source) -> Iterator[_Candidate]:
    """`app = Flask(…)`, and factories such as `create_app`, of a module that imports the framework."""
    frameworks = {name for name in ("FastAPI", "Starlette", "Flask") if _imports(item.tree, name)}
    if not frameworks or not _is_dotted(item.module):
        return
    for name, value in item.assignments().items():
        if source.called(value) in frameworks:
            yield _Candidate(source.called(value), item, name)
    for name in ("create_app", "make_app"):
        if name in item.functions():
            yield _Candidate(sorted(frameworks)[0], item, f"{name}()")


def _imports(tree: ast.Module, framework: str) -> bool:
    """Whether a module imports `flask`, or from `flask.something`, and so for the others."""
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return any(module.split(".")[0] == framework.lower() for module in modules)


_WEBSOCKET_METHODS = ("websocket", "add_websocket_route", "websocket_route")


def _has_websocket(item: Source) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in _WEBSOCKET_METHODS for node in ast.walk(item.tree)
    )


def _python_files(folder: Path) -> Iterator[Path]:
    """The project's modules, at most three folders deep, without what is not the project's own."""
    count = 0
    for where, folders, files in os.walk(folder):
        here = Path(where).relative_to(folder)
        folders[:] = sorted(name for name in folders if _is_project(name)) if len(here.parts) < 3 else []
        for name in sorted(files):
            if name.endswith(".py") and count < _MOST_FILES:
                count += 1
                yield here / name


def _is_project(name: str) -> bool:
    return name.isidentifier() and not name.startswith(("_", ".")) and name not in _NOT_THE_PROJECT
