"""What detection tells a person: what was found and where, and what to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nuwa.detect import databases
from nuwa.detect.model import Database, Environment, Process, Web
from nuwa.detect.testimony import Testimony

_WORKER_PACKAGES = (
    "celery",
    "rq",
    "django-rq",
    "arq",
    "dramatiq",
    "huey",
    "django-q",
    "django-q2",
    "taskiq",
    "procrastinate",
    "saq",
)


@dataclass
class Notes:
    """Collected sentences.

    Args:
        found: what was recognised.
        check: what a person should look at.
        why: where a value of the manifest comes from, by its path.
    """

    found: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)


def conclude(
    web: Web,
    database: Database | None,
    env: Environment,
    workers: Sequence[Process],
    required: Mapping[str, set[str]],
    said: Testimony,
    notes: Notes,
) -> None:
    """Add what follows from all parts together: what was found, and what is required but not provided."""
    if database:
        notes.found.append(f"database: {database.engine} ({database.where})")
    elif not web.without_address:
        notes.check += _without_database(required)
    if web.framework == "Flask" and "flask-migrate" in required and not web.release:
        notes.check.append(
            "Flask-Migrate is required, but there is no folder migrations/: where it is made, set "
            f'release = "flask --app {web.module.removesuffix("()")} db upgrade"'
        )
    for process in workers:
        notes.found.append(f"process {process.name}: {process.command} ({process.where})")
    notes.check += _without_workers(workers, required, said)
    if env.secrets:
        notes.found.append(f"secrets that you supply: {', '.join(env.secrets)}")
    notes.check += _environment(env)
    others = [name for name in sorted(said.services) if name not in ("memcached", "redis", "valkey")]
    if others:
        notes.check.append(f"the app uses {' and '.join(others)}: provide it on the host, or a URL")
    if web.websocket and web.workers == 1:
        notes.check.append("Flask-SocketIO keeps its sessions in one process: workers = 1")


def _without_database(required: Collection[str]) -> Iterator[str]:
    drivers = (name for _, names in databases.DRIVERS for name in names if name in required)
    if driver := next(drivers, ""):
        yield (
            f"{driver} is required, but no variable with the address of a database was found: see [database]"
        )


def _without_workers(workers: Sequence[Process], required: Collection[str], said: Testimony) -> Iterator[str]:
    if not workers and (worker := next((name for name in _WORKER_PACKAGES if name in required), "")):
        yield f"{worker} is required, but no file shows how its worker is started: add a [[process]]"
    for file in dict.fromkeys(where for _, where in said.scheduled):
        commands = [command for command, where in said.scheduled if where == file]
        yield (
            f"{file} has a recipe of scheduled jobs ({', '.join(commands)}) and does not say when they run: "
            "add a [[cron]] for each"
        )


def _environment(env: Environment) -> Iterator[str]:
    if env.open:
        names = ", ".join(item.name for item in env.open)
        yield f"the app does not start without {names}: give each a value in [env.clear]"
    hosts = [name for name, value in env.clear.items() if name.endswith("ALLOWED_HOSTS") and value == "*"]
    if hosts:
        yield (
            f'{hosts[0]} is "*", as nginx passes on requests for the site\'s domains alone: '
            "name them to be stricter"
        )
