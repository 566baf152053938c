"""The model of `nuwa.toml`: frozen dataclasses that everything else takes.

One model for both sides. On the build side `nuwa.manifest.load` validates TOML into it with pydantic;
inside an image the renderer reads the JSON that came out of that (`from_json`) and needs only the
standard library. So this module stays free of other imports and works on Python 3.9.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Optional, Union

from nuwa.manifest import checks, commands
from nuwa.names import DATABASE_SECRET, Names, Platform

SCHEMA = 1

Kind = Literal["gunicorn", "uvicorn", "mod_wsgi"]
"""What serves the application."""


class Section:
    """A table of the manifest: unknown keys are errors, and no value is taken for another type's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Check:
    """Marks a field whose value passes through a function of `checks` or `commands` before it is taken.

    pydantic calls the two methods; without pydantic they are never called.

    Args:
        function: takes the value and returns it in its canonical spelling, or raises ValueError.
        accepts: what may be in the file, where that is more than the field's own type.
        words: what that is, in words.
    """

    function: Callable[[Any], Any]
    accepts: Any = None
    words: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        inner = handler.generate_schema(self.accepts) if self.accepts else handler(source)
        return core_schema.no_info_after_validator_function(self.function, inner)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        made = handler(schema)
        expression = getattr(self.function, "expression", "")
        return {**made, "pattern": f"^(?:{expression})$"} if expression else made


@dataclass(frozen=True)
class Doc:
    """Describes a field: shown in the reference, the JSON Schema and the annotated example."""

    text: str

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "description": self.text}


@dataclass(frozen=True)
class Between:
    """The smallest and largest number that a field takes."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.within, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def within(self, value: float) -> float:
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is not from {self.low} to {self.high}")
        return value


Size = Annotated[
    int, Check(checks.size, Union[int, str], 'a size: a number of bytes, or a string such as "512M"')
]
Command = Annotated[
    tuple[str, ...], Check(commands.command, Union[str, list[str]], "a command: a string, or a list of words")
]
Commands = Annotated[
    tuple[tuple[str, ...], ...],
    Check(
        commands.commands,
        Union[str, list[Union[str, list[str]]]],
        "a command (a string, or a list of words), or a list of commands",
    ),
]
Domain = Annotated[str, Check(checks.domain)]
Package = Annotated[str, Check(checks.package)]
Glob = Annotated[str, Check(checks.glob)]
Locale = Annotated[str, Check(checks.locale)]
RelativePath = Annotated[str, Check(checks.relative_path)]
RelativePaths = Annotated[
    tuple[str, ...],
    Check(checks.relative_paths, Union[str, list[str]], "a path in the project, or a list of paths"),
]
AbsolutePath = Annotated[str, Check(checks.absolute_path)]
HostPath = Annotated[str, Check(checks.OrEmpty(checks.absolute_path))]
VariableName = Annotated[str, Check(checks.variable_name)]
Seconds = Annotated[int, Between(1, 86400)]
RemoteHost = Annotated[str, Check(checks.remote_host)]


@dataclass(frozen=True)
class AppSection(Section):
    """What the application is called and where it is reached."""

    name: Annotated[
        str, Check(checks.app_name), Doc("Name of the app; image, unit and site are named after it.")
    ]
    version: Annotated[str, Check(checks.version), Doc("Tag of the image.")] = "latest"
    domains: Annotated[
        tuple[Domain, ...],
        Doc("Domains of the site, the canonical one first; bin/install can be given others instead."),
    ] = ()


@dataclass(frozen=True)
class Image(Section):
    """What the image is made of."""

    family: Annotated[Literal["rockylinux", "debian"], Doc("Distribution under the layers.")] = "rockylinux"
    release: Annotated[
        str, Check(checks.OrEmpty(checks.release)), Doc("Release of the family; empty: its default one.")
    ] = ""
    python: Annotated[
        str,
        Check(checks.OrEmpty(checks.python_version)),
        Doc("Python version, in quotes; empty: the family's own."),
    ] = ""
    packages: Annotated[
        tuple[Package, ...], Doc("Distribution packages that the app needs when it runs.")
    ] = ()
    build_packages: Annotated[
        tuple[Package, ...], Doc("Distribution packages that only building its requirements needs.")
    ] = ()
    containerfile_extra: Annotated[
        tuple[Annotated[str, Check(checks.instruction)], ...],
        Doc(
            "Extra Containerfile lines for what no key offers: RUN and ENV instructions, as root, at "
            "the end of the layer with the app's packages. The same lines count as the same layer."
        ),
    ] = ()
    requirements: Annotated[
        str,
        Check(checks.OrEmpty(checks.requirements)),
        Doc(
            "Requirements file; empty: the first of uv.lock, poetry.lock, pdm.lock, pylock.toml, "
            "Pipfile.lock, requirements.txt, requirements/production.txt, pyproject.toml, setup.cfg and "
            "setup.py."
        ),
    ] = ""
    groups: Annotated[
        tuple[Annotated[str, Check(checks.group_name)], ...],
        Doc("Extras and dependency groups to install as well."),
    ] = ()
    include: Annotated[
        tuple[Glob, ...],
        Doc(
            'What goes into the image, in .gitignore syntax. A path, or a pattern after "*", '
            "also brings in what .gitignore names, such as a frontend that was built before."
        ),
    ] = ("*",)
    exclude: Annotated[
        tuple[Glob, ...],
        Doc(
            "What is left out, in addition to version control, caches, virtual environments, and what "
            ".gitignore names and git does not track."
        ),
    ] = ()


@dataclass(frozen=True)
class Node(Section):
    """A frontend that Node builds in a stage of its own. Of Node, its packages and what they leave, nothing
    goes into the image but the results."""

    output: Annotated[
        RelativePaths,
        Doc(
            "What comes out: folders or files in the project, such as frontend/dist. They are there when "
            "[build] commands and [static] collect run."
        ),
    ]
    directory: Annotated[
        str,
        Check(checks.project_folder),
        Doc(
            "Folder in the project with package.json and its lock file: package-lock.json (npm), "
            "pnpm-lock.yaml (pnpm) or yarn.lock (yarn). Of a folder of its own nothing but output goes "
            "into the image."
        ),
    ] = "."
    commands: Annotated[
        Commands,
        Doc(
            "Command that builds it, or a list of commands, run in the folder when its packages are "
            "installed; empty: the script called build."
        ),
    ] = ()
    files: Annotated[
        tuple[Glob, ...],
        Doc(
            "What of the project it reads besides its folder, as in .gitignore, such as templates for "
            "Tailwind. A change of these files and of the folder's, Python code excepted, builds it again."
        ),
    ] = ()
    packages: Annotated[
        tuple[Package, ...],
        Doc("Distribution packages that only building it needs, such as compilers for native modules."),
    ] = ()


@dataclass(frozen=True)
class Build(Section):
    """What is made of the project's files while the image is built."""

    commands: Annotated[
        tuple[Command, ...],
        Doc(
            "Run in the project's folder at build, as the app, before static files are collected; they may "
            "write there (compiled translations, say). Afterwards the files belong to root."
        ),
    ] = ()
    node: Annotated[Optional[Node], Doc("A frontend that Node builds in a stage of its own.")] = None


@dataclass(frozen=True)
class Server(Section):
    """What answers HTTP inside the container."""

    module: Annotated[str, Check(checks.module), Doc("Where the WSGI or ASGI application is: module:object.")]
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
            "Seconds that an answer may take; nginx waits 5 more. uvicorn: a worker whose loop stands still "
            "for so long is replaced. gunicorn: a request that hangs is not ended; when all threads hang, "
            "the health check ends the container. mod_wsgi: a process is killed when its requests together "
            "have taken threads times as long."
        ),
    ] = 30
    graceful_timeout: Annotated[
        Seconds, Doc("Seconds that requests in progress have to finish at a stop.")
    ] = 20
    keepalive: Annotated[int, Between(0, 3600), Doc("Seconds that an idle connection stays open.")] = 75
    max_body: Annotated[Size, Doc("Largest request body that nginx accepts.")] = 64 * 1024**2
    websocket: Annotated[bool, Doc("Pass websocket upgrades through nginx.")] = False


@dataclass(frozen=True)
class Static(Section):
    """Files that nginx serves straight from the host's disk."""

    directory: Annotated[RelativePath, Doc("Folder in the project that holds them (after collecting).")]
    url: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which they are served.")] = "/static/"
    collect: Annotated[
        Commands, Doc("Command that collects them, or a list of commands; run once, at build, as the app.")
    ] = ()


@dataclass(frozen=True)
class Route(Section):
    """Another service of the host, reached below a path of the site."""

    path: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which it is reached.")]
    to: Annotated[
        str,
        Check(checks.route_target),
        Doc("Where it listens: http://127.0.0.1:PORT, unix:/path/of.sock, or app:NAME, an app on this host."),
    ]
    strip: Annotated[bool, Doc("Strip the prefix from the path before the service sees it.")] = False
    websocket: Annotated[bool, Doc("Pass websocket upgrades through nginx.")] = False
    timeout: Annotated[Seconds, Doc("Seconds that nginx waits for its answer.")] = 60


@dataclass(frozen=True)
class Process(Section):
    """A long-running command next to the server, supervised like it."""

    name: Annotated[str, Check(checks.part_name), Doc("Name of the process, as in the log.")]
    command: Annotated[Command, Doc("Command line; no shell runs it.")]
    stop_timeout: Annotated[Seconds, Doc("Seconds between SIGTERM and SIGKILL when it is stopped.")] = 10
    handover: Annotated[
        Literal["overlap", "exclusive"],
        Doc(
            "overlap: runs in both releases while one takes over from the other; exclusive: never in two, "
            "and only in the one that serves (schedulers, such as celery beat)."
        ),
    ] = "overlap"


@dataclass(frozen=True)
class Cron(Section):
    """A command at set times, run as the app."""

    name: Annotated[str, Check(checks.part_name), Doc("Name of the job, as in the log.")]
    schedule: Annotated[str, Check(commands.schedule), Doc("Five cron fields, or @hourly, @daily, …")]
    command: Annotated[Command, Doc("Command line; no shell runs it.")]


@dataclass(frozen=True)
class Volume(Section):
    """A folder whose content outlives the container: `volumes/<name>` on the host."""

    name: Annotated[str, Check(checks.volume_name), Doc("Name of the folder below volumes/.")]
    path: Annotated[AbsolutePath, Doc("Where it is mounted in the container.")]
    policy: Annotated[
        Literal["shared", "exclusive", "read-only"],
        Doc("shared: two releases may use it at once; exclusive: never; read-only: the app cannot write."),
    ] = "shared"
    url: Annotated[
        str,
        Check(checks.OrEmpty(checks.url_prefix)),
        Doc("URL prefix under which nginx serves its files, such as uploads; empty: nowhere."),
    ] = ""
    backup: Annotated[bool, Doc("Part of the archives that bin/archive_volumes makes.")] = True

    @property
    def holds_database(self) -> bool:
        """Whether the file of a SQLite database may be in it."""
        return self.policy != "read-only" and not self.url


@dataclass(frozen=True)
class Database(Section):
    """The database that the app uses; its URL reaches the app as the secret DATABASE_URL."""

    engine: Annotated[Literal["postgresql", "mariadb", "sqlite"], Doc("Database engine.")]
    where: Annotated[
        Literal["host", "url"],
        Doc("host: bin/run makes it in the host's own server; url: elsewhere, you give DATABASE_URL."),
    ] = "host"
    name: Annotated[
        str, Check(checks.OrEmpty(checks.part_name)), Doc("Name of the database; empty: the app's.")
    ] = ""
    env: Annotated[
        dict[VariableName, Annotated[str, Check(checks.address_part)]],
        Doc(
            "Variables of the app's own that get a part of the address: url, host, port, user, password, "
            'name, or a string such as "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}".'
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Service(Section):
    """A server of the app's own on the host, which bin/run sets up; the app gets its address as a secret."""

    engine: Annotated[
        Literal["valkey"],
        Doc("Kind of server; Redis, which it is compatible with, where the host's release has no Valkey."),
    ]
    name: Annotated[str, Check(checks.part_name), Doc("Name of the service, as in its unit.")] = "valkey"
    env: Annotated[
        dict[str, str],
        Check(
            checks.service_variables,
            Union[str, list[str], dict[str, str]],
            "a variable, a list of variables, or a table of variables with a part of the address each",
        ),
        Doc(
            "Variables that get the address, redis://:PASSWORD@HOST:PORT/0. In a table each names its part: "
            'url, host, port, password, or a text such as "redis://:{password}@{host}:{port}/1".'
        ),
    ] = field(default_factory=lambda: {"REDIS_URL": "url"})
    memory: Annotated[Size, Doc("What its data may take.")] = 64 * 1024**2
    eviction: Annotated[
        Literal["noeviction", "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl"],
        Doc(
            "What goes when memory is full. noeviction: nothing, writes fail (queues); allkeys-lru: what was "
            "not used for longest (caches)."
        ),
    ] = "noeviction"
    persist: Annotated[
        bool,
        Doc(
            "Keep the data over a restart, written to disk within a minute, and in the archives. Without it, "
            "a restart of the server or the host empties it."
        ),
    ] = False


@dataclass(frozen=True)
class Hooks(Section):
    """Commands at set points of a deployment."""

    release: Annotated[
        Optional[Command], Doc("Run once for each release, before it takes traffic: migrations.")
    ] = None
    checks: Annotated[
        tuple[Command, ...],
        Doc("Run in the built image; a failure fails the build (such as manage.py check)."),
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
    """What the app may use of the host; empty: no limit."""

    memory_max: Annotated[Optional[Size], Doc("Bytes, or 512M: above this, the app is killed.")] = None
    memory_high: Annotated[
        Optional[Size], Doc("Above this, the app is throttled and its memory reclaimed.")
    ] = None
    memory_low: Annotated[Optional[Size], Doc("Memory up to this amount is protected from reclaim.")] = None
    cpu: Annotated[Optional[float], Between(0.01, 1024), Doc("CPU cores, such as 1.5.")] = None
    pids: Annotated[int, Between(16, 1_000_000), Doc("Processes and threads.")] = 512
    io_weight: Annotated[
        Optional[int], Between(1, 10000), Doc("I/O weight relative to other services (default 100).")
    ] = None
    open_files: Annotated[
        Optional[int], Between(64, 10_000_000), Doc("Maximum number of open files per process.")
    ] = None
    tmp: Annotated[
        Optional[Size],
        Doc("Size of /tmp and of /run, whose files take memory; none: a quarter of memory_max, else 256M."),
    ] = None

    @property
    def tmp_bytes(self) -> int:
        """The largest size of each of them; an upload that is parked there still fits a small app's."""
        if self.tmp is not None:
            return self.tmp
        return 256 * 1024**2 if self.memory_max is None else max(64 * 1024**2, self.memory_max // 4)


@dataclass(frozen=True)
class Scale(Section):
    """How many pods of the server there are on Kubernetes; a host runs one container."""

    min: Annotated[int, Between(1, 1000), Doc("Pods of the server that are always there.")] = 1
    max: Annotated[
        int,
        Between(1, 1000),
        Doc("Most pods under load; above min there is a HorizontalPodAutoscaler, which needs limits.cpu."),
    ] = 1
    cpu: Annotated[
        int, Between(1, 100), Doc("Percent of limits.cpu, averaged over the pods, that more pods aim at.")
    ] = 70


@dataclass(frozen=True)
class Env(Section):
    """The app's environment. Values here go into the image: secrets are named here and live on the host."""

    clear: Annotated[
        dict[VariableName, Annotated[str, Check(checks.variable_value)]],
        Doc("Variables with their values."),
    ] = field(default_factory=dict)
    secrets: Annotated[
        tuple[VariableName, ...], Doc("Names of secrets that the operator supplies on the host.")
    ] = ()
    generated: Annotated[tuple[VariableName, ...], Doc("Names of secrets that bin/run generates once.")] = ()


@dataclass(frozen=True)
class Keep(Section):
    """How many archives are kept."""

    daily: Annotated[int, Between(0, 10000), Doc("Daily archives.")] = 7
    weekly: Annotated[int, Between(0, 10000), Doc("Weekly archives.")] = 4
    monthly: Annotated[int, Between(0, 10000), Doc("Monthly archives.")] = 6


@dataclass(frozen=True)
class Backup(Section):
    """Archives of volumes, database, secrets and configuration, made by bin/archive_volumes with borg."""

    repository: Annotated[
        str, Check(checks.borg_repository), Doc("borg repository: a path, or ssh://user@host/path.")
    ]
    schedule: Annotated[str, Check(commands.schedule), Doc("Schedule, in cron syntax.")] = "@daily"
    rehearsal: Annotated[
        str,
        Check(checks.OrEmpty(commands.schedule)),
        Doc("When the newest archive is restored, started and thrown away, as in cron; empty: never."),
    ] = "15 5 * * sun"
    keep: Annotated[Keep, Doc("Number of archives to keep.")] = field(default_factory=Keep)
    passphrase: Annotated[
        VariableName,
        Doc("Name of the secret with the passphrase; it stays on the host, out of the app's reach."),
    ] = "BORG_PASSPHRASE"  # noqa: S105 - a name, not a passphrase

    @property
    def archive_hours(self) -> int:
        """Age at which the last archive is overdue; 0: the schedule names no time."""
        return _overdue(self.schedule)

    @property
    def rehearsal_hours(self) -> int:
        """The same for the last rehearsal; 0 also where there are none."""
        return _overdue(self.rehearsal) if self.rehearsal else 0


def _overdue(schedule: str) -> int:
    """Hours: the longest pause of a schedule, and a quarter of it, at least two."""
    pause = commands.longest_pause(schedule)
    return pause + max(2, pause // 4) if pause else 0


@dataclass(frozen=True)
class Tls(Section):
    """The site's certificate."""

    server: Annotated[
        str,
        Check(checks.OrEmpty(checks.http_url)),
        Doc("ACME directory; empty: certbot's default."),
    ] = ""
    email: Annotated[str, Check(checks.OrEmpty(checks.email)), Doc("Contact for the ACME account.")] = ""
    challenge: Annotated[
        Literal["http-01", "dns-01", "files", "self-signed"],
        Doc("How the certificate is obtained: ACME over HTTP or DNS, own files, or self-signed."),
    ] = "http-01"
    dns_plugin: Annotated[
        str,
        Check(checks.OrEmpty(checks.part_name)),
        Doc("certbot's DNS plugin for dns-01, such as cloudflare."),
    ] = ""
    dns_credentials: Annotated[
        HostPath, Doc("For dns-01: the plugin's file of credentials, on the host.")
    ] = ""
    dns_wait: Annotated[
        int,
        Between(0, 3600),
        Doc("For dns-01: seconds until a record is seen; 0: as many as the plugin waits."),
    ] = 0
    certificate: Annotated[HostPath, Doc("For files: the chain, on the host.")] = ""
    key: Annotated[HostPath, Doc("For files: the private key, on the host.")] = ""


@dataclass(frozen=True)
class Group(Section):
    """Hosts of `nuwa deploy` by a name, such as staging, with domains of their own."""

    name: Annotated[str, Check(checks.part_name), Doc("What nuwa deploy is given: nuwa deploy staging.")]
    hosts: Annotated[tuple[RemoteHost, ...], Doc("As deploy.hosts. They are deployed to one after another.")]
    domains: Annotated[
        tuple[Domain, ...], Doc("Domains of the site on these hosts; empty: those of the app.")
    ] = ()


@dataclass(frozen=True)
class Deploy(Section):
    """How a release gives way to the next (bin/deploy), and where `nuwa deploy` brings it."""

    drain: Annotated[
        Seconds, Doc("Seconds that requests, websockets and streams of the previous release have to finish.")
    ] = 30
    watch: Annotated[
        int,
        Between(0, 86400),
        Doc("Seconds after the switch during which errors are watched; 0: not at all."),
    ] = 60
    errors: Annotated[
        int,
        Between(1, 100),
        Doc("Maximum rise of the 5xx rate, in percentage points, before an automatic rollback."),
    ] = 5
    keep: Annotated[int, Between(2, 1000), Doc("Number of releases kept on the host as images.")] = 5
    hosts: Annotated[
        tuple[RemoteHost, ...],
        Doc(
            "Hosts of `nuwa deploy`: what ssh is given, and the deployment's folder; without one it is "
            "/srv/NAME. They stay on the machine that builds: no image holds them."
        ),
    ] = ()
    registry: Annotated[
        str,
        Check(checks.OrEmpty(checks.registry_name)),
        Doc(
            "Where `nuwa push` brings the image, such as registry.example.com/team/blog; `nuwa deploy` then "
            "has hosts pull it from there by digest. Empty: it goes straight over ssh."
        ),
    ] = ""
    group: Annotated[tuple[Group, ...], Doc("Hosts by a name, such as staging and production.")] = ()


@dataclass(frozen=True)
class Extras(Section):
    """Parts that many web apps want."""

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
    route: Annotated[tuple[Route, ...], Doc("")] = ()
    process: Annotated[tuple[Process, ...], Doc("")] = ()
    cron: Annotated[tuple[Cron, ...], Doc("")] = ()
    volume: Annotated[tuple[Volume, ...], Doc("")] = ()
    database: Annotated[Optional[Database], Doc("")] = None
    service: Annotated[tuple[Service, ...], Doc("")] = ()
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
        """The app without what an image need not know: where it is deployed to."""
        bare = dataclasses.replace(self.deploy, hosts=(), registry="", group=())
        return dataclasses.replace(self, deploy=bare)

    @property
    def platform(self) -> Platform:
        return Platform(self.image.family, self.image.release)

    @property
    def tag(self) -> str:
        return self.names.image(self.app.version)

    @property
    def supplied_secrets(self) -> tuple[str, ...]:
        """Names of the secrets that the operator supplies: the URL of a database elsewhere is one of them."""
        elsewhere = self.database is not None and self.database.where == "url"
        named = (*self.env.secrets, *((DATABASE_SECRET,) if elsewhere else ()))
        return tuple(dict.fromkeys(name for name in named if name not in self.env.generated))

    @property
    def sqlite_file(self) -> str:
        """Where the file of a SQLite database is in the container; empty where there is none of nuwa's."""
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
