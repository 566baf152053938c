"""What detection finds: each part of a manifest, and where in the project it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the project reads.

    Args:
        default: what counts where it is not set, as text; None: a value that reading does not tell, or none.
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
        command: as the file has it.
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
    """No two of it may run at once, such as a scheduler."""


@dataclass(frozen=True)
class Job:
    """A command at set times."""

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
        env: what its variables get of the address, as in `service.env`.
        queue: it keeps work that a restart must not lose.
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
        env: what its variables get of the address, as in `database.env`; empty: DATABASE_URL serves.
    """

    engine: str
    env: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Obstacle:
    """A place in the project that the app would write to, and cannot.

    Args:
        path: as the code has it, from the project's folder on.
        sentence: what a person should do, unless something else settles it.
        is_database: the file of a database that another one replaces.
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
        release: commands of the release hook, in their order.
    """

    framework: str
    module: str
    kind: str
    found: str
    check: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    websocket: bool = False
    workers: int = 0
    """How many the app can have; 0: as many as there are."""
    static_directory: str = ""
    static_url: str = ""
    volumes: tuple[Volume, ...] = ()
    collect: str = ""
    release: str = ""
    checks: str = ""
    database: str = ""
    without_address: bool = False
    """The database's address would be read, but not as the app is started here."""
    health: str = ""
    clear: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    """Variables with a key of the framework itself, which may be generated."""


@dataclass(frozen=True)
class Environment:
    """The variables of a project, sorted."""

    generated: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    clear: Mapping[str, str] = field(default_factory=dict)
    open: tuple[Variable, ...] = ()
    """Without a value that could be told, and needed."""
    optional: tuple[Variable, ...] = ()
    """Those that may stay away."""


@dataclass(frozen=True)
class Project:
    """What was found.

    Args:
        python: the version that the project asks for; empty: it takes the default one.
        include: built files that git ignores and that nothing here can build.
        requirements: the file with its requirements; empty: there is none, or nuwa finds it by itself.
        groups: extras and dependency groups that are for production.
        web: its application; None when none was recognised.
        found: sentences about what was recognised, and where.
        check: sentences about what a person should look at.
        elsewhere: folders below that hold an application, where the project itself has none.
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
    """What makes something of the project's files while the image is built."""
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
