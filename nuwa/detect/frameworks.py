"""A Flask, FastAPI or Starlette application, by the modules that make one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nuwa.detect.command_lines import Server
from nuwa.detect.model import Volume, Web
from nuwa.detect.source import Source, called, keyword, literal
from nuwa.detect.tree import Tree
from nuwa.names import PROJECT

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
        """What is met first: FastAPI before Flask (which may be mounted in it), the top, usual names."""
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
    """The application of a project that is no Django project."""
    sources = _sources(tree)
    candidates = sorted(_candidates(tree, sources), key=lambda found: found.rank)
    told = _told(tree, server, candidates)
    if told is None and not candidates:
        return None
    framework, module = told or (candidates[0].framework, candidates[0].module)
    return _web(tree, sources, framework, module, candidates, server, packages)


def _sources(tree: Tree) -> list[Source]:
    """The modules that name a framework; no other is parsed."""
    marked = [path for path in tree.python if any(mark in tree.content(path) for mark in _MARKS)]
    return [source for path in marked if (source := tree.source(path)) is not None and _is_importable(source)]


def _is_importable(source: Source) -> bool:
    return all(part.isidentifier() for part in source.module.split("."))


def _told(tree: Tree, server: Server | None, candidates: Sequence[_Candidate]) -> tuple[str, str] | None:
    """The module that the project's own commands name, if it is there."""
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
        framework = next((found.framework for found in candidates), "")
        return framework or ("FastAPI" if server.kind == "uvicorn" else "Flask"), server.module
    return None


def _candidates(tree: Tree, sources: Sequence[Source]) -> Iterator[_Candidate]:
    """`app = Flask(…)`, what a factory of the project returns, and factories that need nothing."""
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
    """Whether two dotted names mean one module, or a package that passes on what is in it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _makers(item: Source) -> dict[str, str]:
    """What the module calls the classes that make an application, its own subclasses included."""
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
    """The framework whose application a function makes; empty where it makes none."""
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
    asgi = framework != "Flask"
    others = [item.module for item in candidates if item.module != module and not item.by_factory]
    check = (
        [f"other applications: {', '.join(others)}"]
        if others and not (server and server.module == module)
        else []
    )
    health, unrouted = _health(tree, sources, framework)
    directory, url = _static(tree, sources, framework)
    sockets = asgi and any(_has_websocket(item) for item in sources)
    socketio = bool({"flask-socketio", "flask-sock", "python-socketio"} & packages)
    configured = _with_keys(tree)
    release = ""
    spec = module.removesuffix("()")
    if "flask-migrate" in packages and any(path.startswith("migrations/") for path in tree.files):
        release = f"flask --app {spec} db upgrade"
    elif tree.has("alembic.ini"):
        release = "alembic upgrade head"
    return Web(
        framework=framework,
        module=module,
        kind="uvicorn" if asgi else "gunicorn",
        websocket=sockets or socketio,
        workers=1 if "flask-socketio" in packages else 0,
        found=f"{framework}: application {module}",
        check=(*check, *unrouted, *_writes(tree, sources), *_fixed_key(configured)),
        static_directory=directory,
        static_url=url,
        volumes=tuple(_volumes(tree, sources)),
        release=release,
        health=health,
        keys=tuple(sorted(_keys(configured))),
    )


def _with_keys(tree: Tree) -> list[Source]:
    marked = [path for path in tree.python if b"SECRET_KEY" in tree.content(path)]
    return [source for path in marked if (source := tree.source(path)) is not None]


def _fixed_key(sources: Sequence[Source]) -> Iterator[str]:
    """A sentence where Flask's key is a text in the code, whatever configuration is chosen."""
    for item in sources:
        if re.search(r"dev|test|local", item.path.name):
            continue
        values = list(_key_values(item))
        if values and all(literal(value) for value in values):
            yield (
                f"SECRET_KEY stands in {item.path}, and so in the image: read it with "
                'os.environ["SECRET_KEY"], and set generated = ["SECRET_KEY"] in [env]'
            )
            return


def _key_values(item: Source) -> Iterator[ast.expr]:
    """What the key is set to: at the top, in classes of settings that are not for tests, or on the app."""
    yield from item.alternatives("SECRET_KEY")
    for line in item.tree.body:
        if isinstance(line, ast.ClassDef) and not re.search(r"(?i)test|dev", line.name):
            yield from Source(item.path, ast.Module(line.body, [])).alternatives("SECRET_KEY")
    for node in ast.walk(item.tree):
        if isinstance(node, ast.Assign) and re.search(
            r"\[['\"]SECRET_KEY['\"]\]$|\.secret_key$", ast.unparse(node.targets[0])
        ):
            yield node.value


def _keys(sources: Sequence[Source]) -> Iterator[str]:
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


_WEBSOCKET_METHODS = ("websocket", "add_websocket_route", "websocket_route", "add_api_websocket_route")


def _has_websocket(item: Source) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in _WEBSOCKET_METHODS for node in ast.walk(item.tree)
    )


_ROUTE = re.compile(
    r"""@(\w+)\.(?:route|get|head|api_route)\(\s*["']([^"']*)["']|add_(?:url_rule|api_route|route)\(\s*["']([^"']*)["']"""
)
_HEALTH = re.compile(
    r"^/(?:api/|v\d+/)*(?:health\w*|healthz|health[-_/]?check|ping|livez|readyz|alive|heartbeat|up|status)/?$"
)


def _health(tree: Tree, sources: Sequence[Source], framework: str) -> tuple[str, list[str]]:
    """A path that answers, and a sentence where none is known. Empty: `/` does."""
    routes: list[tuple[str, str]] = []
    mounted_at_top = False
    for path in tree.python:
        content = tree.content(path)
        if b"@" not in content and b"add_" not in content:
            continue
        text = tree.text(path)
        routes += [(found[0], found[1] or found[2]) for found in _ROUTE.findall(text)]
        mounted_at_top |= bool(re.search(r"""\.mount\(\s*["']/?["']""", text))
    own = [path for owner, path in routes if owner in ("app", "application", "api", "")]
    healthy = next((path for path in own if _HEALTH.match(path)), "")
    if healthy:
        return healthy, []
    paths = {path for _, path in routes}
    if framework == "Flask":
        top = bool(paths & {"/", "", "/index"})
        return "", [] if top else [
            "no route for / was found: set [health] path to one that answers without a login"
        ]
    if "/" in own or mounted_at_top:
        return "", []
    return (
        ("/docs", [])
        if framework == "FastAPI" and _has_docs(sources)
        else (
            "",
            ["no route for / was found: set [health] path to one that answers without a login"],
        )
    )


def _has_docs(sources: Sequence[Source]) -> bool:
    """Whether FastAPI serves its own page at /docs."""
    for item in sources:
        for node in ast.walk(item.tree):
            if called(node) == "FastAPI" and isinstance(node, ast.Call):
                return (
                    keyword(node, "docs_url") is None
                    and not (
                        isinstance(given := keyword(node, "openapi_url"), ast.Constant)
                        and given.value is None
                    )
                    and not any(word.arg is None for word in node.keywords)
                )
    return False


def _static(tree: Tree, sources: Sequence[Source], framework: str) -> tuple[str, str]:
    """The folder of static files and its URL; empty where there is none."""
    marks = (b"Flask(",) if framework == "Flask" else (b"StaticFiles",)
    for item in sources:
        if not any(mark in tree.content(str(item.path)) for mark in marks):
            continue
        for node in ast.walk(item.tree):
            if not isinstance(node, ast.Call):
                continue
            if framework == "Flask" and called(node) == "Flask":
                return _flask_static(tree, item, node)
            if called(node) == "mount" and len(node.args) >= 2 and called(node.args[1]) == "StaticFiles":
                files = node.args[1]
                folder = item.inside(keyword(files, "directory")) if isinstance(files, ast.Call) else ""
                url = literal(node.args[0]).strip("/")
                if folder and url and (tree.root / folder).is_dir():
                    return folder, f"/{url}/"
    return "", ""


def _flask_static(tree: Tree, item: Source, node: ast.Call) -> tuple[str, str]:
    given, url = keyword(node, "static_folder"), keyword(node, "static_url_path")
    if isinstance(url, ast.Constant) and not str(url.value or "").strip("/"):
        return "", ""
    below = item.path.parent.as_posix()
    name = literal(given) or "static"
    folder = _normal(f"{below}/{name}")
    prefix = f"/{literal(url).strip('/')}/" if literal(url) else f"/{name.rpartition('/')[2]}/"
    return (folder, prefix) if folder and (tree.root / folder).is_dir() else ("", "")


def _normal(path: str) -> str:
    import posixpath

    clean = posixpath.normpath(path)
    return "" if clean.startswith("..") or clean == "." else clean


def _volumes(tree: Tree, sources: Sequence[Source]) -> Iterator[Volume]:
    """Folders of the project that the code writes to."""
    names = (
        "UPLOAD_FOLDER",
        "UPLOADS_FOLDER",
        "UPLOAD_DIR",
        "UPLOADED_PHOTOS_DEST",
        "MEDIA_ROOT",
        "DATA_DIR",
    )
    seen = set()
    for item in sources:
        for name in names:
            for given in (*item.alternatives(name), *item.in_classes(name)):
                folder = item.inside(given)
                if folder and folder not in seen:
                    seen.add(folder)
                    yield Volume(folder.rpartition("/")[2], f"{PROJECT}/{folder}", "", name)
        if (
            re.search(
                r"makedirs\(\s*app\.instance_path|instance_path\)?\.mkdir|instance_relative_config",
                tree.text(str(item.path)),
            )
            and "instance" not in seen
        ):
            seen.add("instance")
            yield Volume("instance", f"{PROJECT}/instance", "", "app.instance_path")


def _writes(tree: Tree, sources: Sequence[Source]) -> Iterator[str]:
    for item in sources:
        for folder in re.findall(
            r"""os\.(?:mkdir|makedirs)\(\s*["']([\w./-]+)["']""", tree.text(str(item.path))
        ):
            yield (
                f"{item.path} makes the folder {folder}, and the project cannot be written to: make it a "
                "[[volume]], or log to standard output"
            )
