"""Recognises a Django project by its manage.py."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from nuwa.detect import django_settings
from nuwa.detect.databases import DRIVERS
from nuwa.detect.model import Web
from nuwa.detect.servers import Server
from nuwa.detect.source import Source, called, literal
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree
from nuwa.names import PROJECT

_ASGI_PACKAGES = frozenset(
    {"channels", "daphne", "uvicorn", "hypercorn", "uvicorn-worker", "channels-redis", "granian"}
)


_PLATFORMS = {"DYNO": "web.1"}
"""Values of platforms' variables, which the code may read, and not only test for being set."""


def recognise(tree: Tree, said: Testimony, server: Server | None, packages: set[str]) -> Web | None:
    """The application of a Django project whose manage.py is at the top, or in src/."""
    manage = next((path for path in ("manage.py", "src/manage.py") if tree.has(path)), "")
    if not manage or not _is_django(tree, manage):
        return None
    name = _settings_name(tree, manage, said, server)
    if not name:
        return None
    settings = django_settings.chain(tree, name)
    module = _module(tree, settings, server, packages, name)
    asgi = module[1] == "uvicorn"
    variable, outside = django_settings.elsewhere(settings, "STATIC_ROOT")
    static = posixpath.basename(outside) or django_settings.folder(settings, "STATIC_ROOT")
    moved = {variable: f"{PROJECT}/{static}"} if variable else {}
    volumes, touching = django_settings.volumes(settings, static)
    platform = django_settings.platform_variable(settings) if _has_driver(packages) else ""
    unread = bool(django_settings.address_in_a_branch(settings)) and not platform
    check = [*_checks(tree, name, settings, module[0], static, platform), *touching]
    websocket = asgi and bool({"channels"} & packages)
    health, unrouted = _health(tree, settings)
    return Web(
        framework="Django",
        module=module[0],
        kind=module[1],
        websocket=websocket,
        found=f"Django: settings {name}, application {module[0]}",
        check=(*check, *unrouted),
        obstacles=tuple(django_settings.obstacles(settings)),
        static_directory=static,
        static_url=django_settings.static_url(settings),
        volumes=tuple(volumes),
        collect=f"python {manage} collectstatic --noinput" if static else "",
        release=f"python {manage} migrate --noinput",
        checks=f"python {manage} check",
        database="" if unread or platform else django_settings.engine(settings),
        without_address=unread,
        health=health,
        clear={
            "DJANGO_SETTINGS_MODULE": name,
            **moved,
            **({platform: _PLATFORMS.get(platform, "1")} if platform else {}),
        },
        keys=tuple(sorted(django_settings.key_variables(settings))),
    )


def _has_driver(packages: set[str]) -> bool:
    """Whether a database server's driver is required; without one, the app cannot use an address."""
    return any(name in packages for _, names in DRIVERS for name in names)


def settings_modules(tree: Tree, name: str) -> list[str]:
    """The files of the settings, including those that they import everything from."""
    return [str(source.path) for source in django_settings.chain(tree, name)]


def _is_django(tree: Tree, manage: str) -> bool:
    return b"django" in tree.content(manage) or b"DJANGO_SETTINGS_MODULE" in tree.content(manage)


def _settings_name(tree: Tree, manage: str, said: Testimony, server: Server | None) -> str:
    """The settings for production: what the deployment's own files say, then the project's defaults."""
    told = [server.settings if server else "", said.environment.get("DJANGO_SETTINGS_MODULE", "")]
    for name in told:
        if name and tree.module(name):
            return django_settings.for_production(tree, name)
    served = tree.module(server.module.partition(":")[0]) if server else None
    starts = [manage, *([str(served.path)] if served else tree.named("wsgi.py", "asgi.py"))]
    defaults = [name for path in starts if (name := _default_settings(tree.source(path)))]
    best = [django_settings.for_production(tree, name) for name in defaults]
    changed = [after for before, after in zip(defaults, best, strict=True) if after != before]
    outside = [name for name in best[1:] if name not in best[:1] and not re.search(r"dev|local|test", name)]
    chosen = next(iter([*changed, *outside, *best]), "")
    return chosen or _package_with_settings(tree)


def _default_settings(source: Source | None) -> str:
    """The default that a module sets for DJANGO_SETTINGS_MODULE."""
    for node in ast.walk(source.tree) if source else ():
        if isinstance(node, ast.Call) and called(node) == "setdefault" and len(node.args) == 2:
            name = literal(node.args[1])
            if literal(node.args[0]) == "DJANGO_SETTINGS_MODULE" and _is_dotted(name):
                return name
        if isinstance(node, ast.Assign) and "DJANGO_SETTINGS_MODULE" in ast.unparse(node.targets[0]):
            return literal(node.value) if _is_dotted(literal(node.value)) else ""
    return ""


def _package_with_settings(tree: Tree) -> str:
    """Settings that no file names: a module `settings`, or a module of such a package."""
    for path in tree.python:
        found = re.fullmatch(
            r"(?:src/)?((?:\w+/)*)settings(?:\.py|/__init__\.py|/base\.py|/common\.py)", path
        )
        if found and b"INSTALLED_APPS" in tree.content(path):
            package = f"{found[1].replace('/', '.')}settings"
            last = path.rpartition("/")[2].removesuffix(".py")
            name = package if last in ("settings", "__init__") else f"{package}.{last}"
            return django_settings.for_production(tree, name)
    return ""


def _is_dotted(name: str) -> bool:
    return bool(name) and all(part.isidentifier() for part in name.split("."))


def _module(
    tree: Tree, settings: Sequence[Source], server: Server | None, packages: set[str], name: str
) -> tuple[str, str]:
    """The application and the server that fits it."""
    if server and server.module and tree.module(server.module.partition(":")[0]):
        return server.module, server.kind
    package = name.split(".")[0]
    wsgi = _named(settings, "WSGI_APPLICATION") or _existing(tree, package, "wsgi")
    asgi = _named(settings, "ASGI_APPLICATION")
    if not asgi.endswith(("asgi:application", "asgi:app")):
        asgi = _existing(tree, package, "asgi") or asgi
    wants_asgi = bool(asgi) and (
        bool(packages & _ASGI_PACKAGES) or bool(server and server.kind == "uvicorn") or not wsgi
    )
    if wants_asgi:
        return asgi, "uvicorn"
    return wsgi or f"{package}.wsgi:application", "gunicorn"


def _existing(tree: Tree, package: str, name: str) -> str:
    found = tree.module(f"{package}.{name}") or next(
        (tree.source(path) for path in tree.named(f"{name}.py")), None
    )
    return f"{found.module}:application" if found else ""


def _named(settings: Sequence[Source], name: str) -> str:
    """`WSGI_APPLICATION = "site.wsgi.application"` as module:object."""
    dotted = django_settings.text(settings, name)
    module, _, attribute = dotted.rpartition(".")
    return f"{module}:{attribute}" if module and _is_dotted(dotted) else ""


def _checks(
    tree: Tree, name: str, settings: Sequence[Source], module: str, static: str, platform: str
) -> Iterator[str]:
    if not settings:
        yield f"the settings ({name}) were not found, so static files are not collected"
        return
    if not tree.module(module.partition(":")[0]):
        yield f"server.module: {module} was not found in the project"
    if not static:
        outside = next((found for item in settings if (found := item.absolute("STATIC_ROOT"))), "")
        if outside:
            yield f"STATIC_ROOT is {outside}, outside the project: set it to a folder in it"
        else:
            yield "STATIC_ROOT could not be determined from the settings: set it, and [static] directory"
    yield from django_settings.advice(settings, platform)


_HEALTH = re.compile(r"^(?:[\w-]+/)*(?:health\w*|healthz|ht|ping|livez|readyz|alive|heartbeat|up|__\w+__)/?$")
_ROUTE = re.compile(
    r"""\b(?:path|re_path|url)\(\s*(?:[rf]?["']([^"']*)["']|(\w+))\s*,\s*(include\(\s*["']?([\w.]+))?"""
)


def _health(tree: Tree, settings: Sequence[Source]) -> tuple[str, list[str]]:
    """A path that answers without a login (empty: `/`), and a sentence if none is known."""
    urls = tree.module(django_settings.text(settings, "ROOT_URLCONF")) if settings else None
    if urls is None:
        return "", []
    routes = list(_routes(tree, urls, "", 0))
    for route, is_leaf in routes:
        plain = route.strip("^$")
        if is_leaf and _HEALTH.match(plain) and not re.search(r"[<(\\[]", plain):
            return f"/{plain}", []
    if any(route.strip("^$") in ("", "/") for route, _ in routes) or b"i18n_patterns" in tree.content(
        str(urls.path)
    ):
        return "", []
    text = tree.text(str(urls.path))
    admin = re.search(r"""path\(\s*["']([\w/-]*/)["']\s*,\s*admin\.site\.urls""", text)
    if admin:
        return f"/{admin[1]}login/", []
    return "", ["no route for / was found in the URLs: set [health] path to one that answers without a login"]


def _constants(urls: Source, name: str) -> list[ast.expr]:
    """The strings that a name may be set to."""
    return [
        value
        for value in urls.every(name)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def _routes(tree: Tree, urls: Source, prefix: str, depth: int) -> Iterator[tuple[str, bool]]:
    """The routes of a URL configuration and those it includes; with each, whether a view answers it."""
    for written, variable, includes, name in _ROUTE.findall(tree.text(str(urls.path))):
        if variable and not any(literal(given) == "" for given in _constants(urls, variable)):
            continue
        route = re.sub(r"\{\w+\}", "", written)
        plain = f"{prefix}{route.lstrip('^')}"
        if not includes:
            yield plain, True
            continue
        target = (
            name if "." in name else ".".join(part for part in urls.imports.get(name, (name, "")) if part)
        )
        other = tree.module(target)
        if other is not None and depth < 2:
            yield from _routes(tree, other, plain, depth + 1)
        else:
            # URLs of a third party, such as Wagtail's, which answer at their root.
            yield plain, bool(re.search(r"health_check", name))
