"""The model of `/etc/nuwa/config.json`: frozen dataclasses, as that of `nuwa.toml` is.

Only the standard library at run time: the agent reads the validated form back with `from_json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from nuwa.agent.config import value_types
from nuwa.manifest import checks, quantities
from nuwa.manifest.checks import OrEmpty
from nuwa.manifest.marks import Between, Check, Doc, Section, VariableName

ServiceName = Annotated[str, Check(value_types.service_name)]
Path = Annotated[str, Check(OrEmpty(value_types.path))]
Port = Annotated[int, Check(value_types.port)]
Commands = Annotated[tuple[tuple[str, ...], ...], Check(value_types.lines, str | list[str | list[str]])]
Size = Annotated[int, Check(quantities.size, int | str)]
Url = Annotated[str, Check(OrEmpty(checks.http_url))]
Seconds = Annotated[int, Between(1, 86400)]
Text = Annotated[str, Check(checks.variable_value)]
Event = Literal[
    "deploy", "rollback", "hook", "backup", "rehearsal", "certificate", "disk", "memory", "crash", "process",
    "site", "channel",
]  # fmt: skip


@dataclass(frozen=True)
class Limits(Section):
    """How much of the host a service, or all services together, may use; empty: no limit."""

    memory_low: Annotated[Size | None, Doc("Memory up to this amount is protected from reclaim.")] = None
    memory_high: Annotated[
        Size | None, Doc("Above this, the service is throttled and its memory reclaimed.")
    ] = None
    memory_max: Annotated[Size | None, Doc("Bytes, or 512M; above this, the service is killed.")] = None
    cpu: Annotated[float | None, Between(0.01, 1024), Doc("CPU cores, such as 1.5.")] = None
    cpu_weight: Annotated[
        int | None, Between(1, 10000), Doc("CPU weight relative to other services (default 100).")
    ] = None
    io_weight: Annotated[
        int | None, Between(1, 10000), Doc("I/O weight relative to other services (default 100).")
    ] = None
    pids: Annotated[
        int | None,
        Between(4, 4_000_000),
        Doc("Maximum number of processes and threads; default: 512, for a webhook 4096."),
    ] = None
    open_files: Annotated[
        int | None,
        Between(64, 10_000_000),
        Doc("Maximum number of open files per process; not in the top-level `limits`."),
    ] = None


@dataclass(frozen=True)
class Health(Section):
    """When a process counts as healthy: its port answers, or this path does."""

    path: Annotated[
        str,
        Check(OrEmpty(checks.url_path)),
        Doc("Path that answers 2xx or 3xx; empty: an open port is enough."),
    ] = ""
    host: Annotated[str, Check(OrEmpty(checks.domain)), Doc("Host header of that request.")] = ""
    timeout: Annotated[Seconds, Doc("Timeout of one check, in seconds.")] = 5
    start_period: Annotated[Seconds, Doc("Seconds allowed for startup.")] = 60
    interval: Annotated[Seconds, Doc("Seconds between checks.")] = 30
    retries: Annotated[int, Between(1, 100), Doc("Consecutive failures before a restart.")] = 3


@dataclass(frozen=True)
class Process(Section):
    """A service: a script that systemd keeps running, or the folder of a deployment."""

    script: Annotated[Path, Doc("Program to run, relative to the configuration's folder.")] = ""
    deployment: Annotated[
        Path, Doc("Instead of script: the folder of a deployment, the one that holds bin/.")
    ] = ""
    source: Annotated[
        Path, Doc("For a deployment: the project's folder, built when a webhook changes it.")
    ] = ""
    cwd: Annotated[Path, Doc("Working directory; empty: the script's folder.")] = ""
    args: Annotated[
        Any, Doc("Arguments: one per list item; any other value is passed as a single JSON argument.")
    ] = field(default_factory=list)
    runtime: Annotated[
        str,
        Check(OrEmpty(value_types.program)),
        Doc("Interpreter; empty: chosen by the extension (.js .py .sh), otherwise none."),
    ] = ""
    ports: Annotated[
        tuple[Literal["auto"] | Port, ...],
        Doc('Ports that it listens on; "auto" lets nuwa choose, and restart it without a gap.'),
    ] = ()
    address: Annotated[
        Literal["127.0.0.1", "::1"], Doc("Address it listens on; routes make it reachable from outside.")
    ] = "127.0.0.1"
    env: Annotated[dict[VariableName, Text], Doc("Environment variables.")] = field(default_factory=dict)
    env_file: Annotated[Path, Doc("File with NAME=value lines, for secrets.")] = ""
    user: Annotated[
        str, Check(OrEmpty(value_types.user)), Doc("User it runs as; empty: the script's owner.")
    ] = ""
    limits: Annotated[Limits, Doc("Resource limits.")] = field(default_factory=Limits)
    health: Annotated[Health, Doc("Health check.")] = field(default_factory=Health)
    watch: Annotated[
        tuple[Path, ...], Doc("Further files and folders; a push that changes them restarts it.")
    ] = ()
    stop_timeout: Annotated[Seconds, Doc("Seconds between SIGTERM and SIGKILL when it is stopped.")] = 10
    autostart: Annotated[bool, Doc("Start it at boot, and when it is first configured.")] = True

    @property
    def is_deployment(self) -> bool:
        return bool(self.deployment)

    @property
    def switches(self) -> bool:
        """Whether two instances may run side by side, so that none is missing during a restart."""
        return bool(self.ports) and all(port == "auto" for port in self.ports)


@dataclass(frozen=True)
class CommitStatus(Section):
    """What is reported to a forge about the runs of a webhook: the commit's status, and a comment."""

    token: Annotated[
        str,
        Check(OrEmpty(value_types.secret)),
        Doc("Token of the forge that may write commit statuses (and comments). It is a secret."),
    ] = ""
    token_file: Annotated[Path, Doc("Instead of token: a file that holds it.")] = ""
    forge: Annotated[
        Literal["", "github", "gitlab", "gitea"],
        Doc("Kind of forge (gitea for Forgejo); empty: derived from the remote's host."),
    ] = ""
    api: Annotated[Url, Doc("Base URL of its API; empty: derived from the remote's host.")] = ""
    repository: Annotated[
        str,
        Check(OrEmpty(value_types.repository)),
        Doc("Repository, such as owner/name; empty: that of the remote."),
    ] = ""
    context: Annotated[Text, Doc("Name of the status; empty: nuwa/HOST.")] = ""
    dashboard: Annotated[
        Url, Doc("Address of the dashboard, for the link to the run; empty: the first route to it.")
    ] = ""
    comment: Annotated[bool, Doc("Also comment on open pull requests of the commit when a run ends.")] = False


@dataclass(frozen=True)
class Webhook(Section):
    """What happens after a push to a branch of a repository."""

    token: Annotated[
        str, Check(value_types.secret), Doc("Secret that GitHub, GitLab or Gitea signs with or sends.")
    ]
    path: Annotated[Annotated[str, Check(value_types.path)], Doc("Folder of the git repository.")]
    branch: Annotated[
        str,
        Check(OrEmpty(value_types.branch)),
        Doc("Branch to deploy; empty: the one that is checked out."),
    ] = ""
    remote: Annotated[str, Check(value_types.branch), Doc("Git remote to fetch from.")] = "origin"
    commands: Annotated[
        Commands, Doc("Commands to run after the fetch, one per line; no shell runs them.")
    ] = ()
    user: Annotated[
        str,
        Check(OrEmpty(value_types.user)),
        Doc("User that fetches and runs them; empty: the repository's owner."),
    ] = ""
    env: Annotated[dict[VariableName, Text], Doc("Environment variables of the commands.")] = field(
        default_factory=dict
    )
    timeout: Annotated[Seconds, Doc("Seconds after which a run is stopped.")] = 3600
    status: Annotated[CommitStatus | None, Doc("Report runs to the forge.")] = None
    limits: Annotated[Limits, Doc("Resource limits of the commands.")] = field(default_factory=Limits)


@dataclass(frozen=True)
class CertificateFiles(Section):
    """A certificate that is not from certbot."""

    certificate: Annotated[str, Check(checks.absolute_path), Doc("The chain.")]
    key: Annotated[str, Check(checks.absolute_path), Doc("The private key.")]


@dataclass(frozen=True)
class Mail(Section):
    """Alerts by mail."""

    to: Annotated[tuple[Annotated[str, Check(value_types.mail_address)], ...], Doc("Recipients.")]
    sender: Annotated[str, Check(value_types.mail_address), Doc("Sender address.")]
    server: Annotated[str, Check(value_types.host_name), Doc("SMTP server.")] = "localhost"
    port: Annotated[Port, Doc("Its port.")] = 25
    security: Annotated[Literal["none", "starttls", "tls"], Doc("Transport security.")] = "none"
    user: Annotated[Text, Doc("User name at that server; empty: no login.")] = ""
    password_file: Annotated[Path, Doc("File that holds the password.")] = ""


@dataclass(frozen=True)
class Channel(Section):
    """A place where alerts are sent: a chat, a phone, a mailbox."""

    url: Annotated[
        str,
        Check(OrEmpty(value_types.channel_url)),
        Doc("URL in the syntax of Apprise, such as ntfys://ntfy.example.org/topic. It is a secret."),
    ] = ""
    url_file: Annotated[Path, Doc("Instead of url: a file that holds it.")] = ""
    events: Annotated[
        tuple[Event, ...],
        Doc("Events that it reports; empty: all except successful archives and rehearsals."),
    ] = ()
    services: Annotated[
        tuple[ServiceName, ...], Doc("Services that it reports on; empty: all services and the host.")
    ] = ()
    quiet: Annotated[
        str,
        Check(OrEmpty(value_types.hours)),
        Doc("Hours in which nothing is sent, such as 22:00-07:00; what still applies is sent at their end."),
    ] = ""
    time_zone: Annotated[
        str,
        Check(OrEmpty(value_types.time_zone)),
        Doc("Time zone of quiet and of the times in messages; empty: the host's."),
    ] = ""
    group: Annotated[
        int, Between(0, 3600), Doc("Seconds that an alert waits, to be sent in one message with later ones.")
    ] = 20


@dataclass(frozen=True)
class SiteCheck(Section):
    """A page that the monitor fetches."""

    url: Annotated[str, Check(checks.http_url), Doc("Address.")]
    status: Annotated[int, Between(100, 599), Doc("Expected status.")] = 200
    contains: Annotated[Text, Doc("Text that the response must contain.")] = ""
    timeout: Annotated[Seconds, Doc("Timeout in seconds.")] = 10


@dataclass(frozen=True)
class Monitor(Section):
    """What is checked, how often, and who is notified."""

    interval: Annotated[Seconds, Doc("Seconds between rounds of checks.")] = 30
    disk_percent: Annotated[int, Between(1, 100), Doc("Disk usage, in percent, that raises an alert.")] = 90
    certificate_days: Annotated[
        int, Between(1, 365), Doc("Days before its expiry that a certificate raises an alert.")
    ] = 14
    backup_hours: Annotated[
        int, Between(1, 8760), Doc("Age of the last backup, in hours, that raises an alert.")
    ] = 30
    restart_unresponsive: Annotated[
        bool, Doc("Restart a service that stops responding (formerly twitch, which is still accepted).")
    ] = True
    repeat_hours: Annotated[
        int, Between(1, 8760), Doc("Hours after which a persisting failure is reported again.")
    ] = 24
    burst: Annotated[
        int, Between(1, 1000), Doc("Maximum number of messages per hour; one more summarises the rest.")
    ] = 10
    sites: Annotated[
        tuple[SiteCheck, ...], Doc("Pages to check, in addition to those of the deployments.")
    ] = ()
    mail: Annotated[Mail | None, Doc("Alerts by mail.")] = None
    channels: Annotated[
        dict[ServiceName, Channel],
        Doc("Where alerts and results are sent, each under a name that you choose."),
    ] = field(default_factory=dict)
    webhook: Annotated[Url, Doc("URL that alerts are posted to, as JSON.")] = ""


@dataclass(frozen=True)
class Forward(Section):
    """Another syslog server that gets every line, over TLS."""

    host: Annotated[str, Check(value_types.host_name), Doc("The server.")]
    port: Annotated[Port, Doc("Its port.")] = 6514
    ca: Annotated[Path, Doc("CA certificate that its own is verified against; empty: the system's.")] = ""
    certificate: Annotated[Path, Doc("Client certificate, if the server requires one.")] = ""
    key: Annotated[Path, Doc("Its key.")] = ""
    name: Annotated[
        str, Check(OrEmpty(value_types.host_name)), Doc("Name in the server's certificate; empty: host.")
    ] = ""
    queue: Annotated[Size, Doc("Disk space for lines queued for the server.")] = 1024**3


@dataclass(frozen=True)
class Log(Section):
    """How much of the log is kept, and where it is forwarded."""

    service_size: Annotated[Size, Doc("Size at which a service's file is rotated.")] = 64 * 1024**2
    service_files: Annotated[int, Between(1, 1000), Doc("Rotated files kept per service.")] = 5
    journal_size: Annotated[Size, Doc("Disk space of the journal.")] = 4 * 1024**3
    forward: Annotated[Forward | None, Doc("A syslog server to forward to.")] = None


@dataclass(frozen=True)
class Metrics(Section):
    """Metrics for Prometheus and others, as OpenMetrics text at http://127.0.0.1:PORT/metrics."""

    token: Annotated[
        str, Check(value_types.secret), Doc("Bearer token that a collector sends (Authorization header).")
    ]
    port: Annotated[Port, Doc("Port on the loopback interface.")] = 7502


@dataclass(frozen=True)
class Dashboard(Section):
    """Settings of the dashboard, which routes point to."""

    shared_origin: Annotated[
        bool,
        Doc(
            "Allow the dashboard on a host name that serves other content too; scripts there can then act as "
            "the logged-in user."
        ),
    ] = False


@dataclass(frozen=True)
class Config(Section):
    """A whole, validated `config.json`."""

    env: Annotated[dict[VariableName, Any], Doc("Values for ${name} in the rest of the file.")] = field(
        default_factory=dict
    )
    processes: Annotated[dict[ServiceName, Process], Doc("The services, by name.")] = field(
        default_factory=dict
    )
    webhooks: Annotated[dict[ServiceName, Webhook], Doc("The webhooks, by name.")] = field(
        default_factory=dict
    )
    limits: Annotated[Limits, Doc("Limits of all plain processes together.")] = field(default_factory=Limits)
    routes: Annotated[
        dict[Annotated[str, Check(value_types.route)], Annotated[int | str, Check(value_types.target)]],
        Doc('Routes of nginx: host and path to a service or port; "dashboard" and "ci" are built in.'),
    ] = field(default_factory=dict)
    metrics: Annotated[Metrics | None, Doc("Metrics for Prometheus; left out: off.")] = None
    dashboard: Annotated[Dashboard, Doc("The dashboard.")] = field(default_factory=Dashboard)
    certificates: Annotated[
        dict[Annotated[str, Check(checks.domain)], CertificateFiles],
        Doc("Certificates of hosts in routes, which take precedence over certbot's."),
    ] = field(default_factory=dict)
    monitor: Annotated[Monitor, Doc("Checks and alerts.")] = field(default_factory=Monitor)
    log: Annotated[Log, Doc("The log.")] = field(default_factory=Log)
