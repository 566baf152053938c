"""Consistency rules for a manifest: each examines a validated `App` and yields what does not fit together."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import pairwise

from nuwa.manifest import deploy_rules, site_rules, volume_rules
from nuwa.manifest.finding import Finding, Given, twice
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path, dotted
from nuwa.manifest.volume_rules import nested
from nuwa.names import PROJECT, is_reserved


def findings(app: App, given: Given) -> Iterator[Finding]:
    """Every inconsistency in `app`."""
    for rule in RULES:
        yield from rule(app, given)


def _names(app: App, _: Given) -> Iterator[Finding]:
    """Processes, cron jobs, volumes, services, ports of the host, and groups of hosts: names are unique
    within each kind."""
    groups = enumerate(app.deploy.group)
    yield from twice([(("deploy", "group", index, "name"), group.name) for index, group in groups])
    for section in ("process", "cron", "volume", "service", "host_port"):
        paths = [((section, index, "name"), item.name) for index, item in enumerate(getattr(app, section))]
        yield from twice(paths)


def _replicas(app: App, _: Given) -> Iterator[Finding]:
    """Replicas: an exclusive process has only one, and no other process is called NAME-1, NAME-2 …"""
    for index, process in enumerate(app.process):
        path: Path = ("process", index, "replicas")
        if process.replicas > 1 and process.handover == "exclusive":
            yield Finding(
                (path, ("process", index, "handover")),
                "an exclusive process never runs twice",
                'remove replicas, or set handover = "overlap"',
            )
        for other, item in enumerate(app.process):
            if process.replicas > 1 and item.name in process.members:
                name: Path = ("process", other, "name")
                yield Finding(
                    (name, path), f'"{item.name}" is a replica of {process.name}', "choose another name"
                )


def _server_replicas(app: App, _: Given) -> Iterator[Finding]:
    """Replicas of the server: no volume is exclusive, and there is no `[scale]`, which also counts pods."""
    path: Path = ("server", "replicas")
    if app.server.replicas == 1:
        return
    for index, volume in enumerate(app.volume):
        if volume.policy == "exclusive":
            yield Finding(
                (path, ("volume", index, "policy")),
                f"the volume {volume.name} is exclusive, so only one container may use it",
                'remove replicas, or set policy = "shared"',
            )
    if app.scale is not None:
        yield Finding(
            (path, ("scale", "min")),
            "both [scale] and replicas set the number of pods",
            "remove [scale], or replicas and set scale.min",
        )


def _node(app: App, _: Given) -> Iterator[Finding]:
    """Frontend: the output of `[build.node]` is not the whole folder that it is built from, and no volume
    covers it."""
    node = app.build.node
    for output in node.output if node else ():
        assert node
        path: Path = ("build", "node", "output")
        if node.directory == output or output.startswith("node_modules"):
            yield Finding(
                (path,),
                f"{output} is a source of the frontend, not its output",
                "name the folder or file that the build writes",
            )
        for other, volume in enumerate(app.volume):
            if nested(posixpath.join(PROJECT, output), volume.path):
                yield Finding(
                    (path, ("volume", other, "path")),
                    f"the volume at {volume.path} would hide the frontend in {output}",
                    "choose another folder for one of the two",
                )


def _server(app: App, given: Given) -> Iterator[Finding]:
    """Server: `threads` does not apply to uvicorn, nor `websocket` to mod_wsgi."""
    server = app.server
    if server.kind == "uvicorn" and given(("server", "threads")):
        yield Finding(
            (("server", "threads"), ("server", "kind")),
            "uvicorn has no threads",
            "remove it, and set workers",
        )
    if server.kind == "mod_wsgi" and server.websocket:
        yield Finding(
            (("server", "websocket"), ("server", "kind")),
            "mod_wsgi cannot serve websockets",
            'use kind = "uvicorn" with an ASGI application',
        )


def _environment(app: App, _: Given) -> Iterator[Finding]:
    """Environment: each name is in only one of `clear`, `secrets` and `generated`, and nuwa does not set it
    itself."""
    paths: list[tuple[Path, str]] = [(("env", "clear", name), name) for name in app.env.clear]
    for key in ("secrets", "generated"):
        paths += [(("env", key, index), name) for index, name in enumerate(getattr(app.env, key))]
    yield from twice(paths)
    for path, name in paths:
        if is_reserved(name):
            yield Finding((path,), f"{name} is reserved: nuwa itself sets it", "choose another name")


_SERVERS_OWN = {
    *("mariadb", "mysql", "root", "sys", "information_schema", "performance_schema"),
    *("postgres", "public", "template0", "template1"),
}
"""Roles and databases that exist on a database server from the start."""


def _database(app: App, _: Given) -> Iterator[Finding]:
    """Database: `DATABASE_URL` is a secret without being listed; sqlite needs a writable volume."""
    database = app.database
    if database is None:
        return
    name = "DATABASE_URL"
    given_elsewhere: list[Path] = [("env", "clear", name)] if name in app.env.clear else []
    if name in app.env.generated:
        given_elsewhere.append(("env", "generated"))
    for path in given_elsewhere:
        yield Finding(
            (path, ("database",)), f"{name} is a secret that [database] already provides", "remove it here"
        )
    for variable in database.env:
        for path, names in (
            (("env", "clear", variable), app.env.clear),
            (("env", "secrets"), app.env.secrets),
            (("env", "generated"), app.env.generated),
        ):
            if variable in names:
                yield Finding(
                    (("database", "env", variable), path),
                    f"{variable} gets its value from the database's address and from {dotted(path)}",
                    "remove one of the two",
                )
    if database.engine == "sqlite" and not any(volume.holds_database for volume in app.volume):
        yield Finding(
            (("database", "engine"), ("volume",)),
            "the file of a sqlite database needs a volume that the app can write and nginx does not serve",
            "add a [[volume]]",
        )
    if database.engine != "sqlite" and database.where == "host":
        for path, value in ((("app", "name"), app.name), (("database", "name"), database.name)):
            if value in _SERVERS_OWN:
                yield Finding(
                    (path, ("database",)),
                    f"{value} is reserved by the database server",
                    "choose another name",
                )


_NO_SERVICE = ("backup", "blue", "database", "green", "services", "site")
"""Names that other units and ports of the app already have."""


def _services(app: App, _: Given) -> Iterator[Finding]:
    """Services and ports of the host: a variable that gets an address has no other value, and no service has
    a name that nuwa uses itself."""
    others: dict[str, Path] = {name: ("env", "clear", name) for name in app.env.clear}
    others |= dict.fromkeys(app.env.secrets, ("env", "secrets"))
    others |= dict.fromkeys(app.env.generated, ("env", "generated"))
    if app.database:
        others |= {"DATABASE_URL": ("database",), **dict.fromkeys(app.database.env, ("database", "env"))}
    receivers: list[tuple[Path, Iterable[str]]] = [
        *((("service", index, "env"), service.env) for index, service in enumerate(app.service)),
        *((("host_port", index, "env"), one.variables) for index, one in enumerate(app.host_port)),
    ]
    for path, variables in receivers:
        for variable in variables:
            if is_reserved(variable):
                yield Finding((path,), f"{variable} is reserved: nuwa itself sets it", "choose another name")
            if variable in others:
                elsewhere = dotted(others[variable])
                yield Finding(
                    (path, others[variable]),
                    f"{variable} gets its value from this {path[0]}'s address and from {elsewhere}",
                    "remove one of the two",
                )
            others[variable] = path
    ways = [one.way for one in app.host_port]
    for index, service in enumerate(app.service):
        if service.name in (*_NO_SERVICE, *ways):
            yield Finding(
                (("service", index, "name"),),
                f"{service.name} is a name that nuwa itself uses",
                "choose another",
            )


def _limits(app: App, _: Given) -> Iterator[Finding]:
    """Limits: `memory_low` ≤ `memory_high` ≤ `memory_max`, and `tmp` ≤ `memory_max`."""
    keys = ("memory_low", "memory_high", "memory_max")
    found = [(key, getattr(app.limits, key)) for key in keys if getattr(app.limits, key) is not None]
    for (lower, less), (higher, more) in pairwise(found):
        if less > more:
            yield Finding((("limits", lower), ("limits", higher)), f"{lower} is above {higher}", "swap them")
    limits = app.limits
    if limits.tmp is not None and limits.memory_max is not None and limits.tmp > limits.memory_max:
        text = "tmp is above memory_max, which includes its files"
        yield Finding((("limits", "tmp"), ("limits", "memory_max")), text, "make tmp smaller")


def _scale(app: App, _: Given) -> Iterator[Finding]:
    """Scale: `min` ≤ `max`; with an exclusive volume or sqlite there is exactly one pod."""
    scale = app.scale
    if scale is None:
        return
    if scale.min > scale.max:
        yield Finding((("scale", "min"), ("scale", "max")), "min is above max", "set max too")
    if scale.max == 1 and scale.min == 1:
        return
    for index, volume in enumerate(app.volume):
        if volume.policy == "exclusive":
            yield Finding(
                (("scale", "max"), ("volume", index, "policy")),
                f"the volume {volume.name} is exclusive: one pod at a time",
                'remove [scale], or set policy = "shared"',
            )
    if app.sqlite_file:
        text = "the file of a sqlite database is for one pod"
        yield Finding(
            (("scale", "max"), ("database", "engine")), text, "remove [scale], or use a database server"
        )


def _backup(app: App, _: Given) -> Iterator[Finding]:
    """Backup: no secret of the archives is in `[env]`, where the app could read it."""
    if app.backup is None:
        return
    for name in app.backup.secrets:
        if name in app.env.clear or name in (*app.env.secrets, *app.env.generated):
            yield Finding(
                (("backup", "passphrase"), ("env",)),
                f"{name} is also in [env], where the app could read it",
                "remove it there: bin/ keeps the secrets of the archives on the host",
            )


RULES = (
    _names,
    _replicas,
    *deploy_rules.RULES,
    _server,
    _node,
    *site_rules.RULES,
    *volume_rules.RULES,
    _database,
    _services,
    _limits,
    _scale,
    _server_replicas,
    _environment,
    _backup,
)
"""All rules; their first lines are part of the reference."""
