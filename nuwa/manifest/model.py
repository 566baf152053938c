"""The model of `nuwa.toml`: frozen dataclasses that everything else works with.

The build and the image share one model. During a build, `nuwa.manifest.load` validates TOML into it with
pydantic; inside an image, the renderer reads it back from JSON (`from_json`). Only the standard
library is available there, so these modules need nothing else, and work on Python 3.9.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Optional, Union

from nuwa.manifest import checks, commands
from nuwa.manifest.data import Backup, Database, HostPort, Service, Volume
from nuwa.manifest.deploy import Deploy
from nuwa.manifest.image import Build, Image
from nuwa.manifest.marks import (
    Between,
    BitRate,
    Check,
    Command,
    Doc,
    Domain,
    Locale,
    Package,
    PartName,
    Seconds,
    Section,
    Size,
    VariableName,
)
from nuwa.manifest.site import PathRule, Protect, Redirect, Route, Site, Static, Tls
from nuwa.names import DATABASE_SECRET, Names, Platform

SCHEMA = 1

Kind = Literal["gunicorn", "uvicorn", "mod_wsgi"]
"""The server that runs the application."""


@dataclass(frozen=True)
class AppSection(Section):
    """The name, version and domains of the app."""

    name: Annotated[
        str, Check(checks.app_name), Doc("Name of the app; image, unit and site are named after it.")
    ]
    version: Annotated[str, Check(checks.version), Doc("Tag of the image.")] = "latest"
    domains: Annotated[
        tuple[Domain, ...],
        Doc("Domains of the site, the canonical one first; bin/install can set others on a host."),
    ] = ()


@dataclass(frozen=True)
class Server(Section):
    """The server that answers HTTP requests in the container."""

    module: Annotated[str, Check(checks.module), Doc("The WSGI or ASGI application, as module:object.")]
    kind: Annotated[
        Kind,
        Doc("gunicorn for WSGI, uvicorn (under gunicorn) for ASGI, mod_wsgi for WSGI in Apache."),
    ] = "gunicorn"
    workers: Annotated[
        Union[Literal["auto"], Annotated[int, Between(1, 512)]],
        Doc("Worker processes; auto: from the container's CPU and memory limits."),
    ] = "auto"
    threads: Annotated[int, Between(1, 512), Doc("Threads in each worker (not for uvicorn).")] = 4
    timeout: Annotated[
        Seconds,
        Doc(
            "Seconds that a response may take; nginx waits 5 more. uvicorn: a worker whose event loop blocks "
            "for that long is replaced. gunicorn: a request that hangs is not stopped; when all threads "
            "hang, the health check stops the container. mod_wsgi: a process is killed when its requests "
            "together have taken this time multiplied by the number of threads."
        ),
    ] = 30
    graceful_timeout: Annotated[
        Seconds, Doc("Seconds that requests in progress get to finish when the server stops.")
    ] = 20
    keepalive: Annotated[int, Between(0, 3600), Doc("Seconds that an idle connection stays open.")] = 75
    max_body: Annotated[Size, Doc("Largest request body that nginx accepts.")] = 64 * 1024**2
    websocket: Annotated[bool, Doc("Pass WebSocket upgrades through nginx.")] = False
    replicas: Annotated[
        int,
        Between(1, 32),
        Doc(
            "Number of containers of a release, each with the limits in [limits]. nginx passes requests "
            "to them in turn; processes and cron jobs run only in the first."
        ),
    ] = 1


@dataclass(frozen=True)
class Process(Section):
    """A long-running command that is supervised in the container like the server."""

    name: Annotated[str, Check(checks.part_name), Doc("Name of the process, as the log shows it.")]
    command: Annotated[Command, Doc("Command line; no shell runs it.")]
    stop_timeout: Annotated[Seconds, Doc("Seconds between SIGTERM and SIGKILL when it is stopped.")] = 10
    handover: Annotated[
        Literal["overlap", "exclusive"],
        Doc(
            "overlap: runs in both releases during a deploy; exclusive: never in both, only in the one that "
            "serves (for schedulers such as celery beat)."
        ),
    ] = "overlap"
    replicas: Annotated[
        int,
        Between(1, 64),
        Doc(
            "Number of instances that run side by side. With more than one, NUWA_REPLICA is the number of "
            "each, starting at 1."
        ),
    ] = 1

    @property
    def members(self) -> tuple[str, ...]:
        """The name of each replica: the process's own if there is only one, else NAME-1, NAME-2 and so on."""
        if self.replicas == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.replicas + 1))


@dataclass(frozen=True)
class Cron(Section):
    """A command that runs on a schedule, as the app."""

    name: Annotated[str, Check(checks.part_name), Doc("Name of the job, as the log shows it.")]
    schedule: Annotated[str, Check(commands.schedule), Doc("Five cron fields, or @hourly, @daily, …")]
    command: Annotated[Command, Doc("Command line; no shell runs it.")]


@dataclass(frozen=True)
class NamedCommand(Section):
    """A named one-off command: `bin/run-once NAME` runs it as the app, in a container of its own, and the
    dashboard has a button for it."""

    run: Annotated[Command, Doc("Command line; no shell runs it.")]
    help: Annotated[
        str, Check(checks.one_line), Doc("Description that bin/run-once --list and the dashboard show.")
    ] = ""
    arguments: Annotated[
        bool, Doc("Accept arguments after the name: bin/run-once NAME WORD… The dashboard passes none.")
    ] = False


@dataclass(frozen=True)
class Hooks(Section):
    """Commands that run when an image is built, and when it is deployed."""

    release: Annotated[
        Optional[Command],
        Doc("Command that runs once per release, before it receives traffic, such as database migrations."),
    ] = None
    checks: Annotated[
        tuple[Command, ...],
        Doc("Commands that run in the built image, such as manage.py check; if one fails, the build fails."),
    ] = ()


@dataclass(frozen=True)
class Health(Section):
    """When the app counts as healthy."""

    path: Annotated[
        str, Check(checks.url_path), Doc("Path that answers 2xx or 3xx when the app is healthy.")
    ] = "/"
    timeout: Annotated[Seconds, Doc("Timeout of one check, in seconds.")] = 5
    interval: Annotated[Seconds, Doc("Seconds between checks.")] = 10
    retries: Annotated[int, Between(1, 100), Doc("Consecutive failures that make it unhealthy.")] = 3
    start_period: Annotated[Seconds, Doc("Seconds allowed for startup.")] = 60


@dataclass(frozen=True)
class Limits(Section):
    """How much of the host the app may use; empty: no limit."""

    memory_max: Annotated[Optional[Size], Doc("Bytes, or 512M: above this, the app is killed.")] = None
    memory_high: Annotated[
        Optional[Size], Doc("Above this, the app is throttled and its memory reclaimed.")
    ] = None
    memory_low: Annotated[Optional[Size], Doc("Memory up to this amount is protected from reclaim.")] = None
    cpu: Annotated[Optional[float], Between(0.01, 1024), Doc("CPU cores, such as 1.5.")] = None
    pids: Annotated[int, Between(16, 1_000_000), Doc("Maximum number of processes and threads.")] = 512
    io_weight: Annotated[
        Optional[int], Between(1, 10000), Doc("I/O weight relative to other services (default 100).")
    ] = None
    open_files: Annotated[
        Optional[int], Between(64, 10_000_000), Doc("Maximum number of open files per process.")
    ] = None
    network: Annotated[
        Optional[BitRate],
        Doc(
            "Bits per second that the container may send, such as to APIs or databases; 50M is 50 Mbit/s. "
            "Responses that nginx sends to visitors do not count. Empty: no limit."
        ),
    ] = None
    tmp: Annotated[
        Optional[Size],
        Doc("Size of /tmp and of /run, which are in memory; empty: a quarter of memory_max, otherwise 256M."),
    ] = None

    @property
    def tmp_bytes(self) -> int:
        """Maximum size of each of the two, in bytes; even a small app has room for a buffered upload."""
        if self.tmp is not None:
            return self.tmp
        return 256 * 1024**2 if self.memory_max is None else max(64 * 1024**2, self.memory_max // 4)


@dataclass(frozen=True)
class Scale(Section):
    """Number of the server's pods on Kubernetes; for the containers on a host, see `server.replicas`."""

    min: Annotated[int, Between(1, 1000), Doc("Minimum number of pods of the server.")] = 1
    max: Annotated[
        int,
        Between(1, 1000),
        Doc(
            "Maximum number of pods; above min, a HorizontalPodAutoscaler adds them, which needs limits.cpu."
        ),
    ] = 1
    cpu: Annotated[
        int, Between(1, 100), Doc("Target CPU usage, in percent of limits.cpu, averaged over the pods.")
    ] = 70


@dataclass(frozen=True)
class Env(Section):
    """The app's environment. Values in `clear` become part of the image. Secrets are only named here; their
    values are stored on the host."""

    clear: Annotated[
        dict[VariableName, Annotated[str, Check(checks.variable_value)]],
        Doc("Variables with their values."),
    ] = field(default_factory=dict)
    secrets: Annotated[
        tuple[VariableName, ...], Doc("Names of secrets that the operator supplies on the host.")
    ] = ()
    generated: Annotated[tuple[VariableName, ...], Doc("Names of secrets that bin/run generates once.")] = ()


@dataclass(frozen=True)
class Extras(Section):
    """Optional components that many web apps need."""

    jemalloc: Annotated[bool, Doc("Use jemalloc as the server's memory allocator.")] = True
    wkhtmltopdf: Annotated[bool, Doc("Install wkhtmltopdf (not in every family).")] = False
    fonts: Annotated[tuple[Package, ...], Doc("Font packages of the distribution.")] = ()
    locales: Annotated[tuple[Locale, ...], Doc("Locales besides C.UTF-8, such as de_DE.UTF-8.")] = ()
    timezone: Annotated[str, Check(checks.timezone), Doc("Time zone of the container.")] = "Etc/UTC"


@dataclass(frozen=True)
class App(Section):
    """A whole, validated `nuwa.toml`."""

    app: Annotated[AppSection, Doc("")]
    server: Annotated[Server, Doc("")]
    image: Annotated[Image, Doc("")] = field(default_factory=Image)
    build: Annotated[Build, Doc("")] = field(default_factory=Build)
    static: Annotated[Optional[Static], Doc("")] = None
    site: Annotated[Site, Doc("")] = field(default_factory=Site)
    path: Annotated[tuple[PathRule, ...], Doc("")] = ()
    protect: Annotated[tuple[Protect, ...], Doc("")] = ()
    redirect: Annotated[tuple[Redirect, ...], Doc("")] = ()
    route: Annotated[tuple[Route, ...], Doc("")] = ()
    process: Annotated[tuple[Process, ...], Doc("")] = ()
    cron: Annotated[tuple[Cron, ...], Doc("")] = ()
    command: Annotated[dict[PartName, NamedCommand], Doc("")] = field(default_factory=dict)
    volume: Annotated[tuple[Volume, ...], Doc("")] = ()
    database: Annotated[Optional[Database], Doc("")] = None
    service: Annotated[tuple[Service, ...], Doc("")] = ()
    host_port: Annotated[tuple[HostPort, ...], Doc("")] = ()
    hooks: Annotated[Hooks, Doc("")] = field(default_factory=Hooks)
    health: Annotated[Health, Doc("")] = field(default_factory=Health)
    limits: Annotated[Limits, Doc("")] = field(default_factory=Limits)
    scale: Annotated[Optional[Scale], Doc("")] = None
    env: Annotated[Env, Doc("")] = field(default_factory=Env)
    deploy: Annotated[Deploy, Doc("")] = field(default_factory=Deploy)
    backup: Annotated[Optional[Backup], Doc("")] = None
    tls: Annotated[Tls, Doc("")] = field(default_factory=Tls)
    extras: Annotated[Extras, Doc("")] = field(default_factory=Extras)

    @property
    def name(self) -> str:
        return self.app.name

    @property
    def names(self) -> Names:
        return Names(self.app.name)

    def for_image(self) -> App:
        """The app without what images do not contain: its deployment targets and sources of secrets."""
        bare = dataclasses.replace(self.deploy, hosts=(), registry="", group=(), secrets=())
        return dataclasses.replace(self, deploy=bare)

    @property
    def platform(self) -> Platform:
        return Platform(self.image.family, self.image.release)

    @property
    def tag(self) -> str:
        return self.names.image(self.app.version)

    @property
    def supplied_secrets(self) -> tuple[str, ...]:
        """Names of the secrets that the operator supplies, including the URL of a database elsewhere."""
        elsewhere = self.database is not None and self.database.where == "url"
        named = (*self.env.secrets, *((DATABASE_SECRET,) if elsewhere else ()))
        return tuple(dict.fromkeys(name for name in named if name not in self.env.generated))

    @property
    def site_users(self) -> tuple[str, ...]:
        """Names of the secrets that hold the site's users."""
        return tuple(dict.fromkeys(one.users_secret for one in self.protect if one.users_secret))

    @property
    def sqlite_file(self) -> str:
        """Path of the SQLite database's file in the container; empty if `[database]` is not SQLite."""
        if self.database is None or self.database.engine != "sqlite":
            return ""
        volume = next(volume for volume in self.volume if volume.holds_database)
        return f"{volume.path}/{self.database.name or self.name}.sqlite3"


def to_json(value: Any) -> Any:
    """The model as plain JSON values; `from_json` is its inverse."""
    return dataclasses.asdict(value)


def from_json(kind: Any, value: Any) -> Any:
    """Build `kind` (a dataclass of this module, or a type of its fields) from plain JSON values.

    The values were validated before they were written; only their shape is restored here.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=False)
        return kind(**{name: from_json(hints[name], item) for name, item in value.items() if name in hints})
    if origin in (Union, getattr(types, "UnionType", Union)) and value is not None:
        chosen = [option for option in arguments if option is not type(None)]
        return from_json(chosen[0], value) if len(chosen) == 1 else value
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(from_json(arguments[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: from_json(arguments[1], item) for key, item in value.items()}
    return value
