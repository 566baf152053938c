"""Command lines of deployment files: which one is the server, the release step, a worker."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nuwa.detect.model import Job, Process, Started
from nuwa.detect.tree import Tree
from nuwa.detect.witnesses import Testimony

_WRAPPERS = (
    ("poetry", "run"),
    ("uv", "run"),
    ("pipenv", "run"),
    ("pdm", "run"),
    ("hatch", "run"),
    ("newrelic-admin", "run-program"),
    ("opentelemetry-instrument",),
    ("ddtrace-run",),
    ("exec",),
    ("time",),
    ("nice",),
    ("honcho", "run"),
    ("su-exec", ""),
    ("gosu", ""),
    ("dumb-init", "--"),
    ("dumb-init",),
    ("tini", "--"),
    ("tini",),
)
"""Words before a command that start it and nothing else; an empty one stands for any word."""
_UV_FLAGS = frozenset({"--no-dev", "--frozen", "--no-sync", "--locked"})
_SERVERS = frozenset(
    {"gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi", "waitress-serve", "granian", "fastapi"}
)
_MIGRATIONS = re.compile(
    r"manage\.py migrate|flask (?:\S+ )*db upgrade|alembic (?:\S+ )*upgrade|flask deploy|aerich upgrade"
)
_WORKERS = re.compile(
    r"\bcelery\b.*\b(?:worker|beat)\b|\bflower\b|\brq\b.*\bworker\b|\brqworker\b|\brqscheduler\b|\brqscheduler\b|\barq\b|\bdramatiq\b|"
    r"\bhuey|\bqcluster\b|\brundramatiq\b|\bprocess_tasks\b|\bdb_worker\b|\btaskiq\b|\bprocrastinate\b|\bsaq\b"
)
_NOT_A_WORKER = re.compile(
    r"\b(?:npm|yarn|pnpm|node|npx|webpack|vite|tailwind\S*|pytest|tox|make|mkdocs|sphinx\S*|pgadmin|mailhog|nginx|"
    r"postgres|redis-server|runserver|sleep|tail|bash|sh|collectstatic|caddy|traefik)\b"
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


def parts(tree: Tree, started: Started, depth: int = 0) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The simple commands in a command line, and the variables before each; shell scripts are looked into."""
    text = _without_shell(started.command)
    for piece in re.split(r"\s*(?:&&|\|\||;|\n)\s*", text):
        try:
            words = shlex.split(piece, comments=True)
        except ValueError:
            continue
        variables: dict[str, str] = {}
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        words = _unwrapped(words)
        script = _script(tree, words, started.folder)
        if script and depth < 3:
            yield from parts(tree, replace(started, command=_commands_of(tree.text(script))), depth + 1)
            words = words[1:] if words[0] not in ("sh", "bash") else words[2:]
            if words:
                yield from parts(tree, replace(started, command=shlex.join(words)), depth + 1)
        elif words:
            yield words, variables


def _without_shell(command: str) -> str:
    found = re.fullmatch(r"(?:/bin/|/usr/bin/env )?(?:ba)?sh\s+-\w*c\s+(.*)", command.strip(), re.DOTALL)
    if not found:
        return command
    try:
        words = shlex.split(found[1])
    except ValueError:
        return found[1].strip("\"'")
    return words[0] if len(words) == 1 else found[1]


def _unwrapped(words: list[str]) -> list[str]:
    again = True
    while again and words:
        again = False
        for wrapper in _WRAPPERS:
            if len(words) > len(wrapper) and all(
                not word or words[at] == word for at, word in enumerate(wrapper)
            ):
                words, again = words[len(wrapper) :], True
                while words and words[0] in _UV_FLAGS:
                    words = words[1:]
                break
    if len(words) > 1 and words[0] == "-m":
        words = ["python", *words]
    if len(words) > 2 and re.search(r"python[\d.]*$", words[0]) and words[1] == "-m":
        words = ["python", "manage.py", *words[3:]] if words[2] == "manage" else words[2:]
    return [re.sub(r".*/bin/(?=[\w.-]+$)", "", words[0]), *words[1:]] if words else words


def _script(tree: Tree, words: list[str], folder: str) -> str:
    """A shell script of the project that a command runs, wherever the image has it."""
    word = words[1] if len(words) > 1 and words[0] in ("sh", "bash") else words[0] if words else ""
    name = word.rpartition("/")[2]
    if not re.fullmatch(
        r"[\w.-]+\.sh|(?:docker-)?(?:entrypoint|start|boot|run)[\w-]*|/?start-[\w-]+|/start",
        word.rpartition("/")[2] or "",
    ):
        return ""
    for candidate in (word.lstrip("./"), f"{folder}/{name}".lstrip("/")):
        if candidate and tree.has(candidate):
            return candidate
    return next((path for path in tree.named(name) if b"\n" in tree.content(path)), "") if name else ""


def _commands_of(script: str) -> str:
    """The lines of a shell script that can be commands of interest."""
    text = re.sub(r"\\\n", " ", script)
    kept = [
        line.strip()
        for line in text.splitlines()
        if re.search(r"gunicorn|uvicorn|celery|manage\.py|flask |alembic|hypercorn|daphne|uwsgi|\brq\b", line)
        and not line.lstrip().startswith("#")
    ]
    return "\n".join(
        re.sub(r"^(?:then|do|else)\s+", "", line)
        for line in kept
        if not re.match(r"(?:if|while|echo|export)\b", line)
    )


def server(tree: Tree, said: Testimony) -> Server | None:
    """The server that the project's own commands name: one for production goes before `runserver`."""
    found = []
    for started in said.commands:
        for words, variables in parts(tree, started):
            known = interpret(tree, words)
            if known is not None:
                settings = variables.get("DJANGO_SETTINGS_MODULE", "")
                folder = started.folder
                if chdir := _option(words, "--chdir", "--app-dir"):
                    folder = "/".join(part for part in (folder, chdir.strip("./")) if part)
                development = bool(_DEVELOPMENT.search(" ".join(words))) or not known.module
                found.append(
                    (development, replace(known, where=started.where, folder=folder, settings=settings))
                )
    return min(found, key=lambda item: item[0])[1] if found else None


def interpret(tree: Tree, words: Sequence[str]) -> Server | None:
    """What a command line serves; None when it is no server's."""
    if not words or words[0] not in _SERVERS:
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
    module, worker = "", _option(words, "-k", "--worker-class") or ""
    config = _option(words, "-c", "--config") or ""
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
    """`shop.wsgi` is `shop.wsgi:application`, and `shop:create_app('x')` is a factory that is called."""
    if not module:
        return ""
    where, colon, what = module.partition(":")
    return f"{where.replace('/', '.').removesuffix('.py')}:{what if colon and what else default}"


def _asgi(words: list[str]) -> Server:
    takes = (
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
        "--access-log",
        "-u",
        "--unix-socket",
        "--limit-concurrency",
        "--uds",
        "--reload-dir",
        "--proxy-headers-host",
        "--timeout-graceful-shutdown",
    )
    flags = frozenset({"--access-log", "--proxy-headers"})
    module, arguments = "", iter(words[1:])
    for word in arguments:
        if word.startswith("-"):
            if word in takes and word not in flags and "=" not in word:
                next(arguments, None)
        elif not module:
            module = word
    factory = "--factory" in words
    interface = _option(words, "--interface") or "asgi"
    return Server(
        _object(module, "application") + ("()" if factory and module else ""),
        "gunicorn" if interface == "wsgi" else "uvicorn",
        "",
    )


def _uwsgi(words: list[str]) -> Server:
    module = _option(words, "--module", "-w", "--wsgi", "--mount") or ""
    name = _option(words, "--callable") or "application"
    file = _option(words, "--wsgi-file") or ""
    if file and not module:
        module = file.strip("./").removesuffix(".py").replace("/", ".")
    return Server(_object(module.rpartition("=")[2], name), "gunicorn", "")


def _waitress(words: list[str]) -> Server:
    module = next((word for word in words[1:] if not word.startswith("-")), "")
    return Server(_object(module, "app") + ("()" if "--call" in words and module else ""), "gunicorn", "")


def _fastapi(words: list[str]) -> Server:
    path = next((word for word in words[2:] if not word.startswith("-")), "")
    return Server(_object(path, "app") if path else "", "uvicorn", "")


def _option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option, as `--name value`, `--name=value` or `-kvalue`."""
    for at, word in enumerate(words):
        for name in names:
            if word == name and at + 1 < len(words):
                return words[at + 1]
            if word.startswith(f"{name}=") or (len(name) == 2 and word.startswith(name) and len(word) > 2):
                return word.removeprefix(name).removeprefix("=")
    return None


def releases(tree: Tree, said: Testimony) -> list[tuple[str, str]]:
    """Commands that change the database before a release serves, and where they stand."""
    found: dict[str, str] = {}
    for started in said.commands:
        for words, _ in parts(tree, started):
            text = shlex.join(words)
            if _MIGRATIONS.search(text) and not re.search(r"\$|\|", text):
                found.setdefault(text, started.where)
    return list(found.items())


def processes(tree: Tree, said: Testimony) -> list[Process]:
    """The long-running commands beside the server, each once."""
    found: dict[str, Process] = {}
    for started in said.commands:
        if started.name.startswith("cron "):
            continue
        for words, _ in parts(tree, started):
            process = _process(words, started)
            known = {_essence(other.command) for other in found.values()}
            if process and process.name not in found and _essence(process.command) not in known:
                found[process.name] = process
    return list(found.values())


def _process(words: list[str], started: Started) -> Process | None:
    text = shlex.join(words)
    named = started.name in (
        "web",
        "release",
        "app",
        "django",
        "backend",
        "api",
        "server",
        "migrate",
        "prestart",
    )
    is_worker = bool(_WORKERS.search(text))
    other = (
        not named
        and bool(re.match(r"python|[\w./-]*manage\.py|flask ", text))
        and started.where.endswith(("Procfile", ".service", ".conf", ".ini"))
    )
    if not (is_worker or other) or (not is_worker and _NOT_A_WORKER.search(text)) or _MIGRATIONS.search(text):
        return None
    if words[0] in _SERVERS or re.search(r"\$|%\(|\{\{", text) or _NOT_A_WORKER.match(words[0]):
        return None
    if words[0].endswith("manage.py"):
        words = ["python", *words]
    beat = "beat" in words or "-B" in words
    if beat and words[0] == "celery" and not _option(words, "-s", "--schedule"):
        words = [*words, "--schedule", "/tmp/celerybeat-schedule"]  # noqa: S108 - in the container
    name = _name(
        "beat"
        if beat and "worker" not in words
        else started.name
        if started.name and not named
        else _short(words)
    )
    return Process(name, shlex.join(words), started.where, exclusive=beat or "rqscheduler" in words)


def _essence(command: str) -> str:
    """A command without what only says how loud and how many."""
    return re.sub(r"\s(?:-l|--loglevel|-c|--concurrency)[= ]\S+", "", command)


def _short(words: Sequence[str]) -> str:
    for word in ("worker", "flower", "qcluster", "rqworker", "beat"):
        if word in words:
            return word
    return next((word for word in words[1:] if re.fullmatch(r"[a-z][a-z_]+", word)), "worker")


def _name(text: str) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:31].strip("-_")
    return name if name[:1].isalpha() else f"process-{name}".strip("-")


def jobs(tree: Tree, said: Testimony) -> list[Job]:
    found = []
    for started in said.commands:
        if started.name.startswith("cron "):
            words = next(iter(words for words, _ in parts(tree, started)), [])
            if words and "$" not in started.command:
                name = _name(next((word for word in words[1:] if re.fullmatch(r"[a-z][\w-]+", word)), "job"))
                found.append(Job(name, started.name.removeprefix("cron "), shlex.join(words), started.where))
    return found
