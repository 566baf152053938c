"""nginx as the configuration's routes and chosen ports want it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nuwa.agent import naming, paths
from nuwa.agent.facts import Facts, TlsFiles
from nuwa.agent.loaded import Loaded
from nuwa.manifest.positions import dotted


@dataclass(frozen=True)
class Page:
    """One file in nginx's folder.

    Args:
        about: the part of the configuration that it comes from, for errors.
        values: what its template names.
    """

    file: str
    template: str
    about: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Upstream:
    """A port of a process, as nginx reaches it."""

    upstream: str
    address: str
    front: str


@dataclass(frozen=True)
class Route:
    """A location: kind `service`, `dashboard` or `ci`."""

    path: str
    kind: str
    target: str


def pages(loaded: Loaded, facts: Facts, challenges: str) -> Iterator[Page]:
    """Every file that nginx needs; none where nothing is routed."""
    upstreams = list(_upstreams(loaded, facts))
    routes = _by_host(loaded)
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
                "server_name": "_" if host == "*" else host,
                "is_default": host == "*",
                "routes": found,
                "challenges": challenges,
                "view": Nginx(facts.nginx, facts.nginx_modules),
                "facts": Tls(facts.ipv6, facts.tls[host]),
            },
        )


@dataclass(frozen=True)
class Nginx:
    """What this nginx understands; the names are those that `nginx/tls.j2` shares with deployments."""

    version: tuple[int, ...]
    modules: tuple[str, ...]

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive of its own; before, it is a word of `listen`."""
        return "http_v2_module" in self.modules and self.version >= (1, 25, 1)

    @property
    def listen_options(self) -> tuple[str, ...]:
        has_word = "http_v2_module" in self.modules and not self.http2_directive
        return ("ssl", "http2") if has_word else ("ssl",)

    @property
    def http3(self) -> bool:
        return "http_v3_module" in self.modules

    @property
    def brotli(self) -> bool:
        return "http_brotli_filter_module" in self.modules

    @property
    def zstd(self) -> bool:
        return "http_zstd_filter_module" in self.modules


@dataclass(frozen=True)
class Tls:
    """The facts that `nginx/tls.j2` asks for."""

    ipv6: bool
    tls: TlsFiles


def _upstreams(loaded: Loaded, facts: Facts) -> Iterator[Page]:
    for name, process in loaded.config.processes.items():
        slot = facts.slot(name)
        ports = [
            Upstream(
                naming.upstream(name, index),
                _address(process.address, port.of(slot)),
                _address("127.0.0.1", port.front) if port.chosen else "",
            )
            for index, port in enumerate(loaded.ports[name])
        ]
        if any(port.front for port in ports) or (ports and _is_routed(loaded, name)):
            about = dotted(("processes", name))
            yield Page(naming.upstream_file(name), "upstream.conf.j2", about, {"name": name, "ports": ports})


def _is_routed(loaded: Loaded, name: str) -> bool:
    return any(_target(loaded, target)[1] == name for target in loaded.config.routes.values())


def _target(loaded: Loaded, target: int | str) -> tuple[str, str, int]:
    """Where a route leads: kind, service and the number of its port; for a bare port the port itself."""
    if isinstance(target, int):
        for name, ports in loaded.ports.items():
            for number, port in enumerate(ports):
                if port.front == target:
                    return "service", name, number
        return "service", "", target
    service, _, index = target.partition(":")
    kind = service if service in naming.CORE_UNITS else "service"
    return kind, service, int(index or 0)


def _by_host(loaded: Loaded) -> dict[str, list[Route]]:
    """The locations of each host name; those of `*` hold on every host."""
    hosts: dict[str, dict[str, int | str]] = {}
    for route, target in loaded.config.routes.items():
        host, _, path = route.partition("/")
        hosts.setdefault(host, {})[f"/{path}"] = target
    everywhere = hosts.get("*", {})
    return {
        host: [_route(loaded, path, target) for path, target in sorted({**everywhere, **found}.items())]
        for host, found in sorted(hosts.items())
    }


def _route(loaded: Loaded, path: str, target: int | str) -> Route:
    kind, service, index = _target(loaded, target)
    if kind != "service":
        upstream = f"nuwa.{service}"
    elif service:
        upstream = naming.upstream(service, index)
    else:
        upstream = _address("127.0.0.1", index)
    return Route(path.rstrip("/") + "/", kind, f"http://{upstream}")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
