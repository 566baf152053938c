"""Rules between the values of a configuration: each yields its violations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from nuwa.agent.config import value_types
from nuwa.agent.config.model import Config, Limits, Process
from nuwa.manifest.positions import Path

RESERVED_PORTS = {7500: "the dashboard", 7501: "the webhook listener"}


@dataclass(frozen=True)
class Finding:
    """A violation, and its place."""

    path: Path
    message: str
    hint: str = ""


def findings(config: Config, names: set[str]) -> Iterator[Finding]:
    """All violations in `config`.

    Args:
        names: all processes that the file names, including invalid ones.
    """
    for name, process in config.processes.items():
        yield from _process(("processes", name), process)
    yield from _ports(config)
    yield from _routes(config, names)
    yield from _shared_origins(config)
    yield from _limits_of_all(config.limits)
    for name, hook in config.webhooks.items():
        yield from _limits(("webhooks", name, "limits"), hook.limits)
        if hook.status and bool(hook.status.token) == bool(hook.status.token_file):
            yield Finding(
                ("webhooks", name, "status"), "needs either token or token_file", "name one of them"
            )
    if config.log.forward and bool(config.log.forward.certificate) != bool(config.log.forward.key):
        yield Finding(("log", "forward"), "certificate and key must be set together", "set both or neither")
    for name, channel in config.monitor.channels.items():
        if bool(channel.url) == bool(channel.url_file):
            place: Path = ("monitor", "channels", name)
            yield Finding(place, "needs either url or url_file", "name where the messages go")
        if unknown := sorted(set(channel.services) - names):
            place = ("monitor", "channels", name, "services")
            hint = f"known: {', '.join(sorted(names))}"
            yield Finding(place, f"there is no service {', '.join(unknown)}", hint)
    if config.monitor.mail and not config.monitor.mail.to:
        yield Finding(
            ("monitor", "mail", "to"), "is empty, so nobody gets the alerts", "name at least one address"
        )


_PLAIN_ONLY = ("cwd", "args", "runtime", "ports", "address", "env", "env_file", "user", "limits", "watch")


def _process(path: Path, process: Process) -> Iterator[Finding]:
    if bool(process.script) == process.is_deployment:
        yield Finding(path, "needs either script or deployment", "name the program, or the folder above bin/")
    plain = Process()
    if process.is_deployment:
        for key in _PLAIN_ONLY:
            if getattr(process, key) != getattr(plain, key):
                yield Finding(
                    (*path, key),
                    "is for plain processes only",
                    "for a deployment, set this in its nuwa.toml",
                )
    elif process.source:
        yield Finding((*path, "source"), "is for deployments only", "remove it")
    if "auto" in process.ports and not process.switches:
        yield Finding(
            (*path, "ports"),
            "fixed and automatic ports cannot be combined",
            'a second instance cannot start with a fixed port: set all of them to "auto", or none',
        )
    if process.health.path and not process.ports and not process.is_deployment:
        yield Finding((*path, "health", "path"), "there is no port to check", "add ports")
    yield from _limits((*path, "limits"), process.limits)


def _limits_of_all(limits: Limits) -> Iterator[Finding]:
    yield from _limits(("limits",), limits)
    if limits.open_files is not None:
        hint = "set it in the limits of each process"
        yield Finding(
            ("limits", "open_files"), "is a limit for one process, not for all services together", hint
        )


def _limits(path: Path, limits: Limits) -> Iterator[Finding]:
    keys = ("memory_low", "memory_high", "memory_max")
    given = [(key, getattr(limits, key)) for key in keys if getattr(limits, key) is not None]
    for (lower, less), (higher, more) in itertools.pairwise(given):
        if less > more:
            yield Finding((*path, lower), f"{lower} is above {higher}", "swap them")


def _ports(config: Config) -> Iterator[Finding]:
    reserved = dict(RESERVED_PORTS)
    if config.metrics:
        if owner := reserved.get(config.metrics.port):
            message = f"port {config.metrics.port} is used by {owner}"
            yield Finding(("metrics", "port"), message, "choose another")
        reserved.setdefault(config.metrics.port, "the metrics")
    seen: dict[int, str] = {}
    for name, process in config.processes.items():
        for index, port in enumerate(process.ports):
            if port == "auto":
                continue
            assert isinstance(port, int)
            path: Path = ("processes", name, "ports", index)
            owner = reserved.get(port) or seen.get(port)
            if owner:
                yield Finding(path, f"port {port} is used by {owner}", "choose another")
            seen.setdefault(port, name)


def _routes(config: Config, names: set[str]) -> Iterator[Finding]:
    for route, target in config.routes.items():
        if isinstance(target, int):
            continue
        service, _, index = target.partition(":")
        path: Path = ("routes", route)
        if service in value_types.CORE:
            if service not in ("dashboard", "ci") or index:
                yield Finding(
                    path,
                    f"{target!r} cannot be a target",
                    'of the built-in services, use "dashboard" or "ci"',
                )
            continue
        process = config.processes.get(service)
        if process is None:
            if service not in names:
                yield Finding(path, f"there is no process {service!r}", f"known: {', '.join(sorted(names))}")
        elif process.is_deployment:
            yield Finding(
                path, f"{service} is a deployment, whose bin/install creates its own site", "remove the route"
            )
        elif int(index or 0) >= len(process.ports):
            yield Finding(path, f"{service} has no port {index or 0}", "ports are counted from 0")


def _shared_origins(config: Config) -> Iterator[Finding]:
    """A dashboard on the same origin as something else, whose scripts browsers cannot tell from its own."""
    if config.dashboard.shared_origin:
        return
    hosts: dict[str, dict[str, str]] = {}
    for route in config.routes:
        host, _, path = route.partition("/")
        hosts.setdefault(host, {})[path] = route
    told = set()
    for host, own in hosts.items():
        # What is routed at `*` is served at every name.
        here = {**hosts.get("*", {}), **own}.values()
        others = [route for route in here if config.routes[route] not in ("dashboard", "ci")]
        for route in here:
            if config.routes[route] == "dashboard" and others and route not in told:
                told.add(route)
                yield Finding(("routes", route), *shares_origin(host, others[0]))


def shares_origin(host: str, other: str) -> tuple[str, str]:
    """Message and hint for a dashboard that shares its origin."""
    return (
        f"on {host} the dashboard shares its origin with {other}, whose scripts could act as its user",
        'give it a host name of its own, such as "dashboard.example.org/", or, if you trust all that is '
        'served there, set "dashboard": {"shared_origin": true}',
    )
