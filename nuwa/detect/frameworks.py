"""Recognises a Flask, FastAPI or Starlette application by the modules that create one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nuwa.detect import app_files, app_keys, routes
from nuwa.detect.model import Web
from nuwa.detect.servers import Server
from nuwa.detect.source import Source, called
from nuwa.detect.tree import Tree

_USUAL_FILES = ("wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "api.py", "run.py")


_USUAL_NAMES = ("application", "app", "api", "server")


_FRAMEWORKS = {"flask": "Flask", "fastapi": "FastAPI", "starlette": "Starlette"}


_MARKS = tuple(name.encode() for name in _FRAMEWORKS)


_ASIDE = frozenset(
    {"scripts", "script", "tools", "bin", "utils", "benchmarks", "notebooks", "cli", "commands"}
)


_FACTORIES = re.compile(
    r"(?:create|make|get|build|init|setup)_?(?:\w+_)?(?:app|application|api|server)\w*|app_factory"
)


@dataclass(frozen=True)
class _Candidate:
    framework: str
    item: Source
    name: str
    by_factory: bool = False

    @property
    def module(self) -> str:
        return f"{self.item.module}:{self.name}"

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, int, str]:
        """Sort key: FastAPI before Flask (which may be mounted in it), then the top, then usual names."""
        file, name = self.item.path.name, self.name
        depth = len(self.item.path.parts) - (file == "__init__.py") - (self.item.path.parts[0] == "src")
        return (
            self.framework == "Flask",
            bool(_ASIDE.intersection(self.item.path.parts[:-1])),
            self.by_factory and depth > 1,
            depth,
            _USUAL_FILES.index(file) if file in _USUAL_FILES else len(_USUAL_FILES),
            _USUAL_NAMES.index(name) if name in _USUAL_NAMES else len(_USUAL_NAMES),
            self.module,
        )


def recognise(tree: Tree, server: Server | None, packages: set[str]) -> Web | None:
    """The application of a project that is not a Django project."""
    sources = _sources(tree)
    candidates = sorted(_candidates(tree, sources), key=lambda found: found.rank)
    told = _told(tree, server, candidates, packages)
    if told is None and not candidates:
        return None
    framework, module = told or (candidates[0].framework, candidates[0].module)
    return _web(tree, sources, framework, module, candidates, server, packages)


def _sources(tree: Tree) -> list[Source]:
    """The modules that mention a framework; others are not parsed."""
    marked = [path for path in tree.python if any(mark in tree.content(path) for mark in _MARKS)]
    return [source for path in marked if (source := tree.source(path)) is not None and _is_importable(source)]


def _is_importable(source: Source) -> bool:
    return all(part.isidentifier() for part in source.module.split("."))


def _told(
    tree: Tree, server: Server | None, candidates: Sequence[_Candidate], packages: set[str]
) -> tuple[str, str] | None:
    """The module that the project's own commands name, if it exists."""
    if server is None or not server.module or server.folder:
        return None
    name, _, attribute = server.module.partition(":")
    source = tree.module(name)
    if source is None:
        return None
    same = next((found for found in candidates if found.item.path == source.path), None)
    if same is not None:
        return same.framework, server.module
    if attribute.rstrip("()") in {*source.assignments(), *source.functions, *source.imports}:
        required = (framework for name, framework in _FRAMEWORKS.items() if name in packages)
        return next((found.framework for found in candidates), next(required, "")), server.module
    return None


def _candidates(tree: Tree, sources: Sequence[Source]) -> Iterator[_Candidate]:
    """`app = Flask(…)`, what a factory of the project returns, and factories that need no arguments."""
    factories: dict[tuple[str, str], str] = {}
    for item in sources:
        makers = _makers(item)
        for name, function in item.functions.items():
            named = bool(_FACTORIES.fullmatch(name)) and not isinstance(function, ast.AsyncFunctionDef)
            framework = _returned(function, makers) or (next(iter(makers.values()), "") if named else "")
            if framework:
                factories[item.module, name] = framework
                if named and _needs_nothing(function):
                    yield _Candidate(framework, item, f"{name}()", by_factory=True)
        for name, value in item.assignments().items():
            if called(value) in makers:
                yield _Candidate(makers[called(value)], item, name)
    yield from _made(tree, factories)


def _made(tree: Tree, factories: dict[tuple[str, str], str]) -> Iterator[_Candidate]:
    """Modules that call a factory: `app = create_app("production")`."""
    marks = tuple(f"{name}(".encode() for _, name in factories)
    for path in tree.python if marks else ():
        if not any(mark in tree.content(path) for mark in marks):
            continue
        item = tree.source(path)
        if item is None or not _is_importable(item):
            continue
        for name, value in item.assignments().items():
            function = called(value)
            module = item.module if function in item.functions else item.imports.get(function, ("", ""))[0]
            framework = next(
                (
                    kind
                    for (where, made), kind in factories.items()
                    if made == function and _same(where, module)
                ),
                "",
            )
            if framework:
                yield _Candidate(framework, item, name)


def _same(one: str, other: str) -> bool:
    """Whether two dotted names mean the same module, or one is a package that may re-export the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _makers(item: Source) -> dict[str, str]:
    """The module's names for application classes, its own subclasses included, each with its framework."""
    found = {}
    for bound, (module, name) in item.imports.items():
        root = module.split(".")[0]
        if root in _FRAMEWORKS and name in _FRAMEWORKS.values():
            found[bound] = name
        elif module in _FRAMEWORKS and not name:
            found[_FRAMEWORKS[module]] = _FRAMEWORKS[module]
    for node in item.tree.body:
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                last = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                if last in found:
                    found[node.name] = found[last]
    return found


def _returned(function: ast.FunctionDef | ast.AsyncFunctionDef, makers: dict[str, str]) -> str:
    """The framework whose application a function creates; empty if it creates none."""
    if isinstance(function, ast.AsyncFunctionDef):
        return ""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and called(node) in makers:
            return makers[called(node)]
    hint = ast.unparse(function.returns) if function.returns else ""
    return makers.get(hint, "")


def _needs_nothing(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    named = [default for default in arguments.kw_defaults if default is None]
    return positional <= len(arguments.defaults) and not named


def _web(
    tree: Tree,
    sources: Sequence[Source],
    framework: str,
    module: str,
    candidates: Sequence[_Candidate],
    server: Server | None,
    packages: set[str],
) -> Web:
    asgi = framework != "Flask" if framework else bool(server and server.kind == "uvicorn")
    others = [item.module for item in candidates if item.module != module and not item.by_factory]
    check = (
        [f"other applications: {', '.join(others)}"]
        if others and not (server and server.module == module)
        else []
    )
    health, unrouted = routes.health(tree, sources, framework)
    directory, url = app_files.static(tree, sources, framework)
    sockets = asgi and any(routes.has_websocket(item) for item in sources)
    socketio = bool({"flask-socketio", "flask-sock", "python-socketio"} & packages)
    configured = app_keys.modules(tree)
    return Web(
        framework=framework,
        module=module,
        kind="uvicorn" if asgi else "gunicorn",
        websocket=sockets or socketio,
        workers=1 if "flask-socketio" in packages else 0,
        found=f"{framework}: application {module}" if framework else f"application {module}",
        check=(*check, *unrouted, *app_keys.in_the_code(configured)),
        obstacles=tuple(app_files.writes(tree, sources)),
        static_directory=directory,
        static_url=url,
        volumes=tuple(app_files.volumes(tree, sources)),
        release=_release(tree, module, packages),
        health=health,
        keys=tuple(sorted(app_keys.variables(configured))),
    )


def _release(tree: Tree, module: str, packages: set[str]) -> str:
    """The command for the database's migrations; empty if the project has none."""
    if "flask-migrate" in packages and any(path.startswith("migrations/") for path in tree.files):
        return f"flask --app {module.removesuffix('()')} db upgrade"
    if tree.has("alembic.ini"):
        return "alembic upgrade head"
    below = [path for path in tree.named("alembic.ini") if path.count("/") == 1]
    # Paths in alembic.ini are relative to the folder in which it is started.
    return f"sh -c 'cd {below[0].rpartition('/')[0]} && alembic upgrade head'" if len(below) == 1 else ""
