"""nginx's configuration for the routes and for ports that nuwa chooses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nuwa.agent import naming, paths
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.paths import Paths
from nuwa.agent.plan.facts import Facts, TlsFiles
from nuwa.manifest.positions import dotted
from nuwa.names import SLOTS
from nuwa.web import limits


@dataclass(frozen=True)
class Page:
    """One file in nginx's folder.

    Args:
        about: the part of the configuration that it comes from, for errors.
        values: the variables of its template.
    """

    file: str
    template: str
    about: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """A port that moves between slots: a variable of nginx that holds the upstream of the serving one.

    Args:
        file: exists while the second slot serves.
    """

    variable: str
    first: str
    second: str
    file: str

    @property
    def target(self) -> str:
        return f"${self.variable}"


@dataclass(frozen=True)
class Port:
    """A port of a process, as nginx connects to it.

    Args:
        upstreams: names and addresses: one, or one for each slot.
        front: the address on which nginx listens for other services; empty for a fixed port.
    """

    upstreams: tuple[tuple[str, str], ...]
    front: str
    choice: Choice | None

    @property
    def target(self) -> str:
        return self.choice.target if self.choice else self.upstreams[0][0]


@dataclass(frozen=True)
class Route:
    """A location: kind `service`, `dashboard` or `ci`.

    Args:
        access_log: the log of a service that is routed to by name; empty for a bare port.
    """

    path: str
    kind: str
    target: str
    choice: Choice | None
    access_log: str = ""


EVERY_NAME = ("", "~^")
"""Matches names that no other site has. nginx allows one default server, and Debian's site is that."""


def pages(loaded: Loaded, facts: Facts, where: Paths) -> Iterator[Page]:
    """Every file that nginx needs; none if nothing is routed."""
    ports = {name: _ports(loaded, name, where) for name in loaded.config.processes}
    upstreams = list(_upstreams(loaded, ports))
    routes = _by_host(loaded, ports)
    if upstreams or routes:
        addresses = {"dashboard": _address(*paths.DASHBOARD), "webhooks": _address(*paths.WEBHOOKS)}
        yield Page("nuwa@.router.conf", "router.conf.j2", "routes", addresses)
    yield from upstreams
    for host, found in routes.items():
        yield Page(
            naming.host_file(host),
            "route.conf.j2",
            dotted(("routes", host)),
            {
                "host": host,
                "server_names": EVERY_NAME if host == "*" else (host,),
                "routes": found,
                "choices": sorted({route.choice for route in found if route.choice}, key=str),
                "challenges": str(where.challenges),
                "limits": limits,
                "view": Nginx(facts.nginx, facts.nginx_modules),
                "facts": Tls(facts.ipv6, facts.tls[host]),
            },
        )


@dataclass(frozen=True)
class Nginx:
    """The capabilities of this nginx, under the names that `nginx/tls.j2` shares with deployments."""

    version: tuple[int, ...]
    modules: tuple[str, ...]

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive; before, it was a parameter of `listen`."""
        return "http_v2_module" in self.modules and self.version >= (1, 25, 1)

    @property
    def listen_options(self) -> tuple[str, ...]:
        has_word = "http_v2_module" in self.modules and not self.http2_directive
        return ("ssl", "http2") if has_word else ("ssl",)

    @property
    def compressions(self) -> tuple[str, ...]:
        """What this nginx can compress with, besides gzip."""
        return tuple(name for name in ("brotli", "zstd") if f"http_{name}_filter_module" in self.modules)


@dataclass(frozen=True)
class Tls:
    """The facts that `nginx/tls.j2` uses."""

    ipv6: bool
    tls: TlsFiles


def _ports(loaded: Loaded, name: str, where: Paths) -> list[Port]:
    address = loaded.config.processes[name].address
    made = []
    for index, port in enumerate(loaded.ports.get(name, ())):
        upstream = naming.upstream(name, index)
        if not port.chosen:
            made.append(Port(((upstream, _address(address, port.front)),), "", None))
            continue
        slots = tuple((f"{upstream}.{slot}", _address(address, port.of(slot))) for slot in SLOTS)
        file = str(where.second_slot(name))
        choice = Choice(naming.nginx_variable(name, index), slots[0][0], slots[1][0], file)
        made.append(Port(slots, _address("127.0.0.1", port.front), choice))
    return made


def _upstreams(loaded: Loaded, ports: Mapping[str, list[Port]]) -> Iterator[Page]:
    for name, found in ports.items():
        if any(port.front for port in found) or (found and _is_routed(loaded, name)):
            about = dotted(("processes", name))
            yield Page(naming.upstream_file(name), "upstream.conf.j2", about, {"name": name, "ports": found})


def _is_routed(loaded: Loaded, name: str) -> bool:
    return any(_target(loaded, target)[1] == name for target in loaded.config.routes.values())


def _target(loaded: Loaded, target: int | str) -> tuple[str, str, int]:
    """The target of a route: kind, service and the index of its port; for a bare port, the port itself."""
    if isinstance(target, int):
        for name, ports in loaded.ports.items():
            for number, port in enumerate(ports):
                if port.front == target:
                    return "service", name, number
        return "service", "", target
    service, _, index = target.partition(":")
    kind = service if service in naming.CORE_UNITS else "service"
    return kind, service, int(index or 0)


def _by_host(loaded: Loaded, ports: Mapping[str, list[Port]]) -> dict[str, list[Route]]:
    """The locations of each host name; those of `*` apply to every host."""
    hosts: dict[str, dict[str, int | str]] = {}
    for route, target in loaded.config.routes.items():
        host, _, path = route.partition("/")
        hosts.setdefault(host, {})[f"/{path}"] = target
    everywhere = hosts.get("*", {})
    return {
        host: [
            _route(loaded, ports, path, target) for path, target in sorted({**everywhere, **found}.items())
        ]
        for host, found in sorted(hosts.items())
    }


def _route(loaded: Loaded, ports: Mapping[str, list[Port]], path: str, target: int | str) -> Route:
    kind, service, index = _target(loaded, target)
    path = path.rstrip("/") + "/"
    if kind != "service":
        return Route(path, kind, f"nuwa.{service}", None)
    if not service:
        return Route(path, kind, _address("127.0.0.1", index), None)
    port = ports[service][index]
    return Route(path, kind, port.target, port.choice, naming.access_log(service))


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
