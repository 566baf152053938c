"""The JSON of the control API. Times are Unix seconds, sizes bytes, `None` is unknown."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:  # pydantic, which describes these for others, does not take the older one
    from typing_extensions import TypedDict

LAST_LINES = 5
"""Lines of the log that a listing has of each service."""
HISTORY_SAMPLES = 60
"""Samples of its usage that the event `history` has of each service."""
LISTED_OUTPUT_CHARS = 4000
"""Characters of a command's output in a listing: its end."""


class Net(TypedDict):
    """Bytes a second."""

    incoming: float
    outgoing: float


class Disk(TypedDict):
    """Bytes a second."""

    read: float
    written: float


class Usage(TypedDict):
    """What a service uses at the moment; unknown where nobody counts."""

    cpu: float | None
    """Cores in use: 0.5 is half a core."""
    memory: int | None
    net: Net | None
    disk: Disk | None


class Line(TypedDict):
    """A line of the log."""

    service: str
    time: float
    priority: int
    """As in syslog: 3 is an error, 6 information."""
    text: str
    cursor: str


class Step(TypedDict):
    """One command of a run."""

    command: str
    output: str
    duration: float
    code: int | None
    """Its exit code; unknown while it runs."""


class Hook(TypedDict):
    """A webhook with its last run."""

    name: str
    state: str
    """idle, queued, running, ok, failed, cancelled or timeout."""
    queued: int
    run: int | None
    started: float | None
    commit: str
    services: list[str]
    covers: list[str]
    """The services that live in its repository."""
    lines: list[Step]


class Run(TypedDict):
    """One run of a webhook."""

    id: int
    hook: str
    delivery: str
    commit: str
    state: str
    created: float
    started: float | None
    duration: float | None
    attempt: int
    services: list[str]
    lines: list[Step]


class NamedCommand(TypedDict):
    """A one-off command of a deployment."""

    name: str
    help: str


class ContainerRow(TypedDict):
    """The container of a deployment, as podman saw it last; of several replicas one whose health is worst."""

    id: str
    status: str
    health: str
    """healthy, unhealthy, starting, or empty without a health check."""
    health_since: float | None
    oom: bool
    exit_code: int | None
    image: str
    image_created: float | None
    image_size: int | None


class ServiceRow(TypedDict):
    """A service."""

    name: str
    kind: str
    """process, deployment, or core for the host's own."""
    status: str
    """running, starting, stopping, stopped or unstarted."""
    result: str
    """How it ended, when that was not well."""
    pid: int | None
    ports: list[int]
    slot: str
    since: float | None
    restarts: int
    release: str
    domains: list[str]
    backup: float | None
    """When the last archive that is whole was made."""
    rehearsal: float | None
    commands: list[NamedCommand]
    """What `POST /run/NAME/COMMAND` runs; of deployments alone."""
    certificate_end: float | None
    usage: Usage
    last: list[Line]
    hook: str | None
    """State of the webhook that rebuilds it."""
    container: ContainerRow | None
    """Of a deployment that runs."""


class Listing(TypedDict):
    """Everything that the dashboard shows first."""

    revision: str
    """Of the configuration on disk."""
    applied: str
    """Of the applied one."""
    ps: list[ServiceRow]
    hooks: list[Hook]


class Outcome(TypedDict):
    """What became of a start, a stop or a restart, or of a one-off command."""

    name: str
    status: str
    message: str


class Lines(TypedDict):
    """A part of the log."""

    lines: list[Line]
    cursor: str
    """Where to go on."""


class Change(TypedDict):
    """A file that a configuration changes."""

    path: str
    action: str
    """create, change or remove."""
    diff: str


class Applied(TypedDict):
    """What a configuration changed, or would."""

    revision: str
    changes: list[Change]
    started: list[str]
    restarted: list[str]
    stopped: list[str]
    warnings: list[str]


class Revision(TypedDict):
    """A configuration that was applied once."""

    revision: str
    time: float
    who: str


class Check(TypedDict):
    """Something that the monitor looks at."""

    name: str
    kind: str
    """process, site, certificate, disk or backup."""
    service: str
    state: str
    """ok, warning, failed or unknown."""
    since: float
    message: str


class Alert(TypedDict):
    """A check that changed its state, and what was done about it."""

    time: float
    check: str
    state: str
    message: str
    action: str
    event: str
    """What it is about, as `events` of a channel names it."""
    service: str
    advice: str
    """What to do."""


class ChannelState(TypedDict):
    """A channel of alerts."""

    name: str
    waiting: int
    """Alerts that wait for it."""
    fault: str
    """Why the last message could not be sent."""


class StatsPoint(TypedDict):
    """What a service, or the host, used and answered in a stretch of time."""

    at: int
    minutes: int
    """Those of it in which something was measured."""
    cpu: float | None
    memory: int | None
    """The most of it."""
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    space: int | None
    """In use on the disk of the services' data; of the host alone."""
    requests: int | None
    errors: int | None
    """Requests that were answered with a status of 500 and above."""
    p50: float | None
    """Seconds within which half of the requests were answered."""
    p95: float | None
    p99: float | None


class Mark(TypedDict):
    """Something that happened to a service."""

    at: float
    kind: str
    """deploy, restart or alert."""
    text: str


class Stats(TypedDict):
    """The history of a service, or of the host, whose name is empty."""

    name: str
    since: int
    step: int
    """Seconds of a point."""
    points: list[StatsPoint]
    total: StatsPoint
    """All of them as one."""
    marks: list[Mark]


class AuditEntry(TypedDict):
    """Something that somebody did."""

    time: float
    who: str
    """A user of the host, a token, a hook, or the monitor."""
    way: str
    """command line, ssh, dashboard, API, push, hook or monitor."""
    source: str
    """From where: an address, the fingerprint of a key, a forge."""
    action: str
    target: str
    outcome: str
    """ok, or what went wrong."""


class Problem(TypedDict):
    """One thing that is wrong in a configuration."""

    path: str
    message: str
    line: int | None
    hint: str


class Failure(TypedDict):
    """Why a request failed."""

    code: str
    message: str
    hint: str
    problems: list[Problem]


class ErrorAnswer(TypedDict):
    """The body of every answer that is an error."""

    error: Failure
