"""What detection finds: each part of a manifest, and where in the project it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the project reads.

    Args:
        default: its value if it is not set, as text; None: there is none, or the source does not show it.
        required: the project does not start without it.
        where: the file that reads it.
    """

    name: str
    default: str | None = None
    required: bool = False
    where: str = ""


@dataclass(frozen=True)
class Started:
    """A command that one of the project's own deployment files starts.

    Args:
        name: what the file calls it: `web`, `worker`.
        command: as it is written in the file.
        where: the file.
        folder: where it is started, relative to the project; empty: in the project.
    """

    name: str
    command: str
    where: str
    folder: str = ""


@dataclass(frozen=True)
class Process:
    """A long-running command next to the server."""

    name: str
    command: str
    where: str
    exclusive: bool = False
    """Only one instance may run at a time, such as of a scheduler."""


@dataclass(frozen=True)
class Job:
    """A command that runs on a schedule."""

    name: str
    schedule: str
    command: str
    where: str


@dataclass(frozen=True)
class Volume:
    """A folder that the app writes to."""

    name: str
    path: str
    url: str = ""
    where: str = ""


@dataclass(frozen=True)
class Service:
    """Valkey, or Redis.

    Args:
        env: the part of the address that each variable gets, as in `service.env`.
        queue: it holds jobs that have to survive a restart.
    """

    env: Mapping[str, str]
    queue: bool = False
    where: str = ""


@dataclass(frozen=True)
class Frontend:
    """A frontend that Node builds, as in `[build.node]`."""

    directory: str
    output: tuple[str, ...]
    files: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Database:
    """The database that the app uses.

    Args:
        env: the part of the address that each variable gets, as in `database.env`; empty: the app reads only
            DATABASE_URL.
    """

    engine: str
    env: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Obstacle:
    """A path in the project that the app would write to, but cannot.

    Args:
        path: as in the code, relative to the project's folder.
        sentence: what a person should do, unless something else settles it.
        is_database: a database's file, which is not used if the manifest has another database.
    """

    path: str
    sentence: str
    is_database: bool = False


@dataclass(frozen=True)
class Web:
    """An application, as far as reading its source tells.

    Args:
        module: module:object.
        kind: the server that fits, as in `server.kind`.
        found, check: sentences about what was recognised, and about what a person should look at.
        release: the command of the release hook.
    """

    framework: str
    module: str
    kind: str
    found: str
    check: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    websocket: bool = False
    workers: int = 0
    """Maximum number of workers; 0: not limited."""
    static_directory: str = ""
    static_url: str = ""
    volumes: tuple[Volume, ...] = ()
    collect: str = ""
    release: str = ""
    checks: str = ""
    database: str = ""
    without_address: bool = False
    """The settings read the database's address only under a condition that does not hold here."""
    health: str = ""
    clear: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    """Variables with the framework's own key, which may be generated."""


@dataclass(frozen=True)
class Environment:
    """The variables of a project, sorted."""

    generated: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    clear: Mapping[str, str] = field(default_factory=dict)
    open: tuple[Variable, ...] = ()
    """Required, but without a known value."""
    optional: tuple[Variable, ...] = ()
    """Not required."""


@dataclass(frozen=True)
class Project:
    """What was found.

    Args:
        python: the version that the project asks for; empty: it takes the default one.
        include: built files that git ignores and that nuwa cannot build.
        requirements: the file with its requirements; empty: there is none, or nuwa finds it by itself.
        groups: extras and dependency groups that are for production.
        web: its application; None when none was recognised.
        found: sentences about what was recognised, and where.
        check: sentences about what a person should look at.
        elsewhere: subfolders that hold an application, if the project itself has none.
        why: where a value of the manifest comes from, by its path, such as `server.module`.
    """

    name: str
    python: str = ""
    requirements: str = ""
    groups: tuple[str, ...] = ()
    web: Web | None = None
    packages: tuple[str, ...] = ()
    build_packages: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    frontend: Frontend | None = None
    commands: tuple[str, ...] = ()
    """Commands that create files in the project while the image is built."""
    processes: tuple[Process, ...] = ()
    jobs: tuple[Job, ...] = ()
    volumes: tuple[Volume, ...] = ()
    database: Database | None = None
    service: Service | None = None
    environment: Environment = field(default_factory=Environment)
    found: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict)
