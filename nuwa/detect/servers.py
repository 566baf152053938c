"""The web server that a project's own commands start: its application and its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nuwa.detect.command_lines import option, parts
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree

SERVERS = frozenset(
    {"gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi", "waitress-serve", "granian", "fastapi"}
)


_DEVELOPMENT = re.compile(r"\brunserver\b|\bflask\b.*\brun\b|--reload\b|\bfastapi dev\b")


@dataclass(frozen=True)
class Server:
    """The web server that a project starts.

    Args:
        module: module:object; empty: the command does not name it.
        kind: as in `server.kind`.
        where: the file that says so.
        folder: where it is started; empty: in the project.
        settings: what the command sets DJANGO_SETTINGS_MODULE to.
    """

    module: str
    kind: str
    where: str
    folder: str = ""
    settings: str = ""


def server(tree: Tree, said: Testimony) -> Server | None:
    """The server that the project's own commands start; one for production wins over `runserver`."""
    found = []
    for started in said.commands:
        for words, variables in parts(tree, started):
            known = interpret(tree, words)
            if known is not None:
                settings = variables.get("DJANGO_SETTINGS_MODULE", "")
                folder = started.folder
                if chdir := option(words, "--chdir", "--app-dir"):
                    folder = "/".join(part for part in (folder, chdir.strip("./")) if part)
                development = bool(_DEVELOPMENT.search(" ".join(words))) or not known.module
                found.append(
                    (development, replace(known, where=started.where, folder=folder, settings=settings))
                )
    return min(found, key=lambda item: item[0])[1] if found else None


def interpret(tree: Tree, words: Sequence[str]) -> Server | None:
    """The server that a command line starts; None if it starts none."""
    if not words or words[0] not in SERVERS:
        return None
    if words[0] == "gunicorn":
        return _gunicorn(tree, list(words))
    readers = {"uwsgi": _uwsgi, "waitress-serve": _waitress, "fastapi": _fastapi}
    return readers.get(words[0], _asgi)(list(words))


_GUNICORN_FLAGS = frozenset(
    {
        "--reload",
        "--preload",
        "--daemon",
        "--no-sendfile",
        "--capture-output",
        "-R",
        "--enable-stdio-inheritance",
        "--reuse-port",
        "--spew",
        "--check-config",
        "--print-config",
        "--log-syslog",
        "--statsd",
        "--no-control-socket",
        "-D",
    }
)


def _gunicorn(tree: Tree, words: list[str]) -> Server:
    module, worker = "", option(words, "-k", "--worker-class") or ""
    config = option(words, "-c", "--config") or ""
    arguments = iter(words[1:])
    for word in arguments:
        if word.startswith("-"):
            if "=" not in word and word not in _GUNICORN_FLAGS and (word.startswith("--") or len(word) == 2):
                next(arguments, None)
        elif not module and "$" not in word:
            module = word
    if config:
        source = tree.source(config.removeprefix("file:").removeprefix("python:").lstrip("./"))
        module = module or (source.text("wsgi_app") if source else "")
        worker = worker or (source.text("worker_class") if source else "")
    kind = "uvicorn" if "uvicorn" in worker.lower() else "gunicorn"
    return Server(_object(module, "application"), kind, "")


def _object(module: str, default: str) -> str:
    """`shop.wsgi` means `shop.wsgi:application`; `shop:create_app('x')`, the call of a factory, is kept."""
    if not module:
        return ""
    where, colon, what = module.partition(":")
    return f"{where.replace('/', '.').removesuffix('.py')}:{what if colon and what else default}"


_ASGI_OPTIONS = frozenset(
    {
        "--host",
        "--port",
        "--workers",
        "--log-level",
        "--log-config",
        "--root-path",
        "--forwarded-allow-ips",
        "--app-dir",
        "--loop",
        "--http",
        "--ws",
        "--env-file",
        "--timeout-keep-alive",
        "--bind",
        "-b",
        "-w",
        "-p",
        "--worker-class",
        "-k",
        "--interface",
        "--threads",
        "-u",
        "--unix-socket",
        "--limit-concurrency",
        "--uds",
        "--reload-dir",
        "--proxy-headers-host",
        "--timeout-graceful-shutdown",
    }
)
"""Options of uvicorn, hypercorn, daphne and granian that take a value."""


def _asgi(words: list[str]) -> Server:
    module, arguments = "", iter(words[1:])
    for word in arguments:
        if word.startswith("-"):
            if word in _ASGI_OPTIONS:
                next(arguments, None)
        elif not module:
            module = word
    factory = "--factory" in words
    interface = option(words, "--interface") or "asgi"
    return Server(
        _object(module, "application") + ("()" if factory and module else ""),
        "gunicorn" if interface == "wsgi" else "uvicorn",
        "",
    )


def _uwsgi(words: list[str]) -> Server:
    module = option(words, "--module", "-w", "--wsgi", "--mount") or ""
    name = option(words, "--callable") or "application"
    file = option(words, "--wsgi-file") or ""
    if file and not module:
        module = file.strip("./").removesuffix(".py").replace("/", ".")
    return Server(_object(module.rpartition("=")[2], name), "gunicorn", "")


def _waitress(words: list[str]) -> Server:
    module = next((word for word in words[1:] if not word.startswith("-")), "")
    return Server(_object(module, "app") + ("()" if "--call" in words and module else ""), "gunicorn", "")


def _fastapi(words: list[str]) -> Server:
    path = next((word for word in words[2:] if not word.startswith("-")), "")
    return Server(_object(path, "app") if path else "", "uvicorn", "")
