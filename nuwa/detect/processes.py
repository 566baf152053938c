"""What a project's own commands run besides the server: migrations, workers and scheduled jobs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from nuwa.detect.command_lines import option, parts
from nuwa.detect.model import Job, Process, Started
from nuwa.detect.servers import SERVERS
from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree

_MIGRATIONS = re.compile(
    r"manage\.py migrate|flask (?:\S+ )*db upgrade|alembic (?:\S+ )*upgrade|flask deploy|aerich upgrade"
)


_WORKERS = re.compile(
    r"\bcelery\b.*\b(?:worker|beat)\b|\bflower\b|\brq\b.*\bworker\b|\brqworker\b|\brqscheduler\b|\barq\b|\bdramatiq\b|"
    r"\bhuey|\bqcluster\b|\brundramatiq\b|\bprocess_tasks\b|\bdb_worker\b|\btaskiq\b|\bprocrastinate\b|\bsaq\b"
)


_NOT_A_WORKER = re.compile(
    r"\b(?:npm|yarn|pnpm|node|npx|webpack|vite|tailwind\S*|pytest|tox|make|mkdocs|sphinx\S*|pgadmin|mailhog|nginx|"
    r"postgres|redis-server|runserver|sleep|tail|bash|sh|collectstatic|caddy|traefik)\b"
)


def releases(tree: Tree, said: Testimony) -> list[tuple[str, str]]:
    """Commands that migrate the database before a release serves, each with its file."""
    found: dict[str, str] = {}
    for started in said.commands:
        for words, _ in parts(tree, started):
            text = shlex.join(words)
            if _MIGRATIONS.search(text) and not re.search(r"\$|\|", text):
                found.setdefault(text, started.where)
    return list(found.items())


_NOT_FOR_A_RELEASE = re.compile(
    r"collectstatic|compilemessages|runserver|compress|\bcheck\b|createsuperuser|flush|\btest\b|shell|\brun\b"
)


def before_serving(tree: Tree, said: Testimony) -> tuple[list[str], str]:
    """What else runs, next to the migrations, before the server starts, and in which file."""
    for started in said.commands:
        commands = [words for words, _ in parts(tree, started)]
        texts = [shlex.join(words) for words in commands]
        if any(_MIGRATIONS.search(text) for text in texts):
            others = [
                text
                for words, text in zip(commands, texts, strict=True)
                if re.match(r"python\S* (?:\./)?manage\.py |flask |python -m ", text)
                and not (_MIGRATIONS.search(text) or _NOT_FOR_A_RELEASE.search(text) or "$" in text)
                and not (_WORKERS.search(text) or words[0] in SERVERS)
            ]
            if others:
                return list(dict.fromkeys(others)), started.where
    return [], ""


def processes(tree: Tree, said: Testimony) -> list[Process]:
    """The long-running commands next to the server, each once."""
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
    words = _without_multi(words)
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
    if words[0] in SERVERS or re.search(r"\$|%\(|\{\{", text) or _NOT_A_WORKER.match(words[0]):
        return None
    if words[0].endswith("manage.py"):
        words = ["python", *words]
    beat = "beat" in words or "-B" in words
    if beat and words[0] == "celery" and not option(words, "-s", "--schedule"):
        words = [*words, "--schedule", "/tmp/celerybeat-schedule"]  # noqa: S108 - in the container
    name = _name(
        "beat"
        if beat and "worker" not in words
        else started.name
        if started.name and not named
        else _short(words)
    )
    return Process(name, shlex.join(words), started.where, exclusive=beat or "rqscheduler" in words)


def _without_multi(words: list[str]) -> list[str]:
    """`celery multi start NAMES`, which starts workers in the background, as one worker in the foreground."""
    if words[:1] != ["celery"] or "multi" not in words or "start" not in words:
        return words
    before, after = words[: words.index("multi")], words[words.index("start") + 1 :]
    options = [word for word in after if word.startswith("-")]
    kept = [word for word in options if not word.startswith(("--pidfile", "--logfile"))]
    return [*before, "worker", *kept]


def _essence(command: str) -> str:
    """A command without its options for log level, concurrency and pool."""
    return re.sub(r"\s(?:-l|--loglevel|-c|--concurrency|-P|--pool|--max-\S+?)[= ]\S+", "", command)


def _short(words: Sequence[str]) -> str:
    for word in ("worker", "flower", "qcluster", "rqworker", "beat"):
        if word in words:
            return word
    return next((word for word in words[1:] if re.fullmatch(r"[a-z][a-z_]+", word)), "worker")


def _name(text: str) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:31].strip("-_")
    return name if name[:1].isalpha() else f"process-{name}".strip("-")


def jobs(tree: Tree, said: Testimony) -> list[Job]:
    """The scheduled jobs in crontabs."""
    found = []
    for started in said.commands:
        if started.name.startswith("cron "):
            words = next(iter(words for words, _ in parts(tree, started)), [])
            if words and "$" not in started.command:
                name = _name(next((word for word in words[1:] if re.fullmatch(r"[a-z][\w-]+", word)), "job"))
                found.append(Job(name, started.name.removeprefix("cron "), shlex.join(words), started.where))
    return found
