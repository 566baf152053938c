"""The data of an app in the model of `nuwa.toml`: volumes, database, services, and their archives.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, Optional, Union

from nuwa.manifest import checks, commands
from nuwa.manifest.marks import AbsolutePath, Between, Check, Doc, Section, Size, VariableName
from nuwa.names import STORAGE_KEYS


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
        Doc("URL prefix under which nginx serves its files, such as uploads; empty: they are not served."),
    ] = ""
    backup: Annotated[bool, Doc("Include it in the archives that bin/archive_volumes makes.")] = True
    size: Annotated[
        Optional[Size],
        Doc(
            "Size of a separate file system for the volume, such as 10G, so that a full volume affects "
            "nothing else on the host. The space is allocated at once; a larger size later makes it grow. "
            "Empty: a plain folder."
        ),
    ] = None

    @property
    def holds_database(self) -> bool:
        """Whether it may hold the file of a SQLite database."""
        return self.policy != "read-only" and not self.url


@dataclass(frozen=True)
class Database(Section):
    """The database that the app uses; the app gets its URL as the secret DATABASE_URL."""

    engine: Annotated[Literal["postgresql", "mariadb", "sqlite"], Doc("Database engine.")]
    where: Annotated[
        Literal["host", "url"],
        Doc("host: bin/run creates it on the host's own server; url: elsewhere, you supply DATABASE_URL."),
    ] = "host"
    name: Annotated[
        str, Check(checks.OrEmpty(checks.part_name)), Doc("Name of the database; empty: the app's.")
    ] = ""
    env: Annotated[
        dict[VariableName, Annotated[str, Check(checks.address_part)]],
        Doc(
            "Further variables, each with a part of the address: url, host, port, user, password, "
            'name, or a string such as "postgresql+asyncpg://{user}:{password}@{host}:{port}/{name}".'
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Service(Section):
    """A server that bin/run sets up on the host for this app only; the app gets its address as a secret."""

    engine: Annotated[
        Literal["valkey"],
        Doc("Kind of server. Hosts whose release has no Valkey use Redis, which is compatible."),
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
            "Variables that get the address, redis://:PASSWORD@HOST:PORT/0. In a table, each gets one part: "
            'url, host, port, password, or a string such as "redis://:{password}@{host}:{port}/1".'
        ),
    ] = field(default_factory=lambda: {"REDIS_URL": "url"})
    memory: Annotated[Size, Doc("Maximum memory for its data.")] = 64 * 1024**2
    eviction: Annotated[
        Literal["noeviction", "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl"],
        Doc(
            "Which keys are evicted when memory is full. noeviction: none, and writes fail (for queues); "
            "allkeys-lru: the least recently used ones (for caches)."
        ),
    ] = "noeviction"
    persist: Annotated[
        bool,
        Doc(
            "Keep the data across restarts: it is written to disk within a minute, and is part of the "
            "archives. Otherwise a restart of the server or the host deletes it."
        ),
    ] = False


@dataclass(frozen=True)
class HostPort(Section):
    """A server on the host's 127.0.0.1, such as a mail server, that the container may connect to."""

    name: Annotated[str, Check(checks.part_name), Doc("Its name, such as smtp, as in its units.")]
    port: Annotated[
        int,
        Between(1, 65535),
        Check(checks.host_port),
        Doc("Port on the host's 127.0.0.1 that it listens on."),
    ]
    env: Annotated[
        dict[VariableName, Annotated[str, Check(checks.host_port_part)]],
        Doc(
            "Variables that get its address as the container sees it: host, port, or a string such as "
            '"smtp://{host}:{port}"; empty: NAME_HOST and NAME_PORT, such as SMTP_HOST and SMTP_PORT.'
        ),
    ] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The value of each variable, as a string with the placeholders {host} and {port}."""
        prefix = self.name.upper().replace("-", "_")
        parts = self.env or {f"{prefix}_HOST": "host", f"{prefix}_PORT": "port"}
        return {name: checks.service_text(part) for name, part in parts.items()}

    @property
    def way(self) -> str:
        """The name of its units and of its port in the app's network; a service uses its own name there."""
        return f"port-{self.name}"


@dataclass(frozen=True)
class Keep(Section):
    """How many archives are kept."""

    daily: Annotated[int, Between(0, 10000), Doc("Daily archives.")] = 7
    weekly: Annotated[int, Between(0, 10000), Doc("Weekly archives.")] = 4
    monthly: Annotated[int, Between(0, 10000), Doc("Monthly archives.")] = 6


@dataclass(frozen=True)
class Backup(Section):
    """Archives of volumes, database, secrets and configuration, made by bin/archive_volumes."""

    repository: Annotated[
        str,
        Check(checks.repository),
        Doc("borg: a path, or ssh://user@host/path. restic: object storage, s3:https://host/bucket/path."),
    ]
    schedule: Annotated[str, Check(commands.schedule), Doc("Schedule, in cron syntax.")] = "@daily"
    rehearsal: Annotated[
        str,
        Check(checks.OrEmpty(commands.schedule)),
        Doc("When the newest archive is test-restored, started and discarded, in cron syntax; empty: never."),
    ] = "15 5 * * sun"
    keep: Annotated[Keep, Doc("Number of archives to keep.")] = field(default_factory=Keep)
    passphrase: Annotated[
        VariableName,
        Doc(
            "Name of the secret with the passphrase; it is stored on the host, where the app cannot read it."
        ),
    ] = "BORG_PASSPHRASE"  # noqa: S105 - a name, not a passphrase

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that archiving needs and the app must not see."""
        keys = STORAGE_KEYS if self.repository.startswith("s3:") else ()
        return (self.passphrase, *keys)

    @property
    def archive_hours(self) -> int:
        """Age in hours at which the last archive is overdue; 0: the schedule names no time."""
        return _overdue(self.schedule)

    @property
    def rehearsal_hours(self) -> int:
        """The same for the last rehearsal; also 0 if there are no rehearsals."""
        return _overdue(self.rehearsal) if self.rehearsal else 0


def _overdue(schedule: str) -> int:
    """In hours: the longest pause of a schedule, plus a quarter of it or two hours, whichever is more."""
    pause = commands.longest_pause(schedule)
    return pause + max(2, pause // 4) if pause else 0
