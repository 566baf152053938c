"""What the host tells the renderer: facts about itself, as JSON, checked key by key."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from nuwa.manifest import checks, site_checks
from nuwa.names import SLOTS, replicas
from nuwa.render.distributions import Distribution, find

SCHEMA = 1

Version = tuple[int, ...]


class FactsError(ValueError):
    """A fact is missing or has a wrong value; the message names it."""


@dataclass(frozen=True)
class Certificate:
    """The files of the site's certificate on the host."""

    certificate: str
    key: str
    self_signed: bool


@dataclass(frozen=True)
class ServerWay:
    """How the container reaches a server on the host."""

    address: str
    """The host's address in the app's network, where a proxy listens."""
    subnet: str
    """The subnet whose connections it accepts."""
    port: int
    server_port: int
    """The port of 127.0.0.1 on which the server listens."""


@dataclass(frozen=True)
class Facts:
    """One host, and one deployment on it."""

    distribution: Distribution
    directory: str
    """The deployment's folder: the parent of `bin/` and `volumes/`."""
    image: str
    """Id of the image."""
    image_name: str
    slot: str
    port: int
    """The port of 127.0.0.1 on which the slot's container answers."""
    network: Optional[str]
    """The subnet of the app's own network; empty if it does not exist yet, None if podman's is used."""
    domains: tuple[str, ...]
    tls: Optional[Certificate]
    database: Optional[ServerWay]
    services: dict[str, ServerWay]
    """By name of the `[[service]]`."""
    valkey_server: str
    """Path of the host's valkey-server or redis-server; empty if none is needed."""
    podman: Version
    nginx: Version
    nginx_modules: tuple[str, ...]
    proxies: dict[str, tuple[str, ...]]
    """Ranges of CDNs by name, if this host has newer ones than the image."""
    own_lines: str
    """The content of the file `site.include`, which the renderer reads in the image."""
    monit: bool
    """Whether monit is installed."""
    cgroup: int
    """The version of cgroups, 1 or 2."""
    io_weight: bool
    """Whether this kernel can distribute disk I/O by weight."""
    selinux: bool
    ipv6: bool
    cpus: int
    memory: int
    """Bytes."""
    variables: dict[str, str] = field(default_factory=dict)
    """Variables that bin/config has set on this host."""
    replica_ports: tuple[int, ...] = ()
    """Ports of the slot's other containers, from the second on."""
    replica: int = 1
    """The number of the slot's container that is rendered."""

    @property
    def host(self) -> str:
        """The Host header of requests to the site: its canonical domain, or `localhost` without domains."""
        return self.domains[0] if self.domains else "localhost"

    def of_replicas(self, count: int) -> tuple[Facts, ...]:
        """The facts of each container of the slot, with the container's name in `slot`.

        Raises:
            FactsError: a port is missing.
        """
        ports = (self.port, *self.replica_ports)
        if len(ports) < count:
            raise FactsError(f"fact replica_ports: {count - 1} ports are needed, for {count} replicas")
        return tuple(
            replace(self, slot=place, port=ports[index], replica=index + 1)
            for index, place in enumerate(replicas(self.slot, count))
        )


def read(text: str) -> Facts:
    """Parse the facts from JSON text. Keys that this release does not know are ignored.

    Raises:
        FactsError: the text is not a JSON object, or a key is missing or wrong.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise FactsError(f"the facts are not JSON: {error}") from None
    if not isinstance(values, dict):
        raise FactsError("the facts are not a JSON object")
    _take(values, "schema", _schema)
    return Facts(
        distribution=_distribution(values),
        tls=_certificate(values),
        database=_database(values),
        services=_services(values),
        valkey_server=_take({"valkey_server": "", **values}, "valkey_server", _text),
        own_lines="",
        proxies=_take({"proxies": None, **values}, "proxies", _proxies),
        variables=_take({"variables": {}, **values}, "variables", _variables),
        replica_ports=_take({"replica_ports": [], **values}, "replica_ports", _ports),
        network=_take({"network": None, **values}, "network", _network),
        **{name: _take(values, name, check) for name, check in _CHECKS.items()},
    )


def domains(text: str) -> tuple[str, ...]:
    """The domains in a JSON list, each in its canonical form.

    Raises:
        FactsError: one of them is not a domain.
    """
    taken: tuple[str, ...] = _take({"domains": json.loads(text)}, "domains", _domains)
    return taken


def _take(values: dict[str, Any], name: str, check: Callable[[Any], Any], prefix: str = "") -> Any:
    if name not in values:
        raise FactsError(f"fact {prefix}{name} is missing")
    try:
        return check(values[name])
    except (TypeError, ValueError, KeyError) as error:
        reason = error.args[0] if error.args else error
        raise FactsError(f"fact {prefix}{name}: {reason}") from None


def _distribution(values: dict[str, Any]) -> Distribution:
    name = _take(values, "distribution", _text)
    release = _take(values, "release", _text)
    return _take({"distribution": None}, "distribution", lambda _: find(name, release))  # type: ignore[no-any-return]  # what find returns


def _certificate(values: dict[str, Any]) -> Optional[Certificate]:
    tls = _take(values, "tls", lambda value: value if value is None else _object(value))
    if tls is None:
        return None
    return Certificate(
        certificate=_take(tls, "certificate", _path, "tls."),
        key=_take(tls, "key", _path, "tls."),
        self_signed=_take(tls, "self_signed", _boolean, "tls."),
    )


def _database(values: dict[str, Any]) -> Optional[ServerWay]:
    """None if absent or null: no server on the host is used."""
    way = _take(
        {"database": None, **values}, "database", lambda value: value if value is None else _object(value)
    )
    return None if way is None else _way(way, "database.")


def _services(values: dict[str, Any]) -> dict[str, ServerWay]:
    """Empty if absent or null: the app has no services."""
    given = _take({"services": None, **values}, "services", lambda value: _object(value or {}))
    return {name: _way(_take(given, name, _object, "services."), f"services.{name}.") for name in given}


def _way(given: dict[str, Any], prefix: str) -> ServerWay:
    fields = {"address": _address, "subnet": _subnet, "port": _port, "server_port": _port}
    return ServerWay(**{name: _take(given, name, check, prefix) for name, check in fields.items()})


def _of(kind: type, expected: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return check


_text = _of(str, "a string")
_boolean = _of(bool, "true or false")
_integer = _of(int, "an integer")
_object = _of(dict, "an object")
_list = _of(list, "a list")


def _schema(value: Any) -> int:
    if value != SCHEMA:
        raise ValueError(f"{value!r} is not {SCHEMA}: these scripts and this image are not compatible")
    return SCHEMA


def _path(value: Any) -> str:
    return checks.absolute_path(_text(value))


def _image(value: Any) -> str:
    found = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", _text(value))
    if not found:
        raise ValueError(f"{value!r} is not the id of an image")
    return found.group(1)


def _slot(value: Any) -> str:
    if value not in SLOTS:
        raise ValueError(f"{value!r} is not one of {', '.join(SLOTS)}")
    return str(value)


def _between(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not low <= _integer(value) <= high:
            raise ValueError(f"{value!r} is outside {low} to {high}")
        return int(value)

    return check


_port = _between(1, 65535)


def _ports(value: Any) -> tuple[int, ...]:
    return tuple(_port(item) for item in _list(value))


def _address(value: Any) -> str:
    return str(ipaddress.IPv4Address(_text(value)))


def _subnet(value: Any) -> str:
    return str(ipaddress.IPv4Network(_text(value), strict=False))


def _network(value: Any) -> Optional[str]:
    return value if value in (None, "") else _subnet(value)


def _domains(value: Any) -> tuple[str, ...]:
    domains = tuple(dict.fromkeys(checks.domain(_text(item)) for item in _list(value)))
    if domains and domains[0].startswith("*"):
        raise ValueError(f"{domains[0]!r} cannot be the first: a wildcard is not the site's own address")
    return domains


def _proxies(value: Any) -> dict[str, tuple[str, ...]]:
    given = _object(value or {})
    return {_text(name): tuple(site_checks.network(_text(one)) for one in given[name]) for name in given}


def _variables(value: Any) -> dict[str, str]:
    return {checks.variable_name(_text(name)): _text(item) for name, item in _object(value).items()}


def _version(value: Any) -> Version:
    """A version such as `1.22.1`, without the distribution's suffix; empty if it is not installed."""
    found = re.match(r"\d+(\.\d+)*", _text(value))
    if value and not found:
        raise ValueError(f"{value!r} is not a version")
    return tuple(int(part) for part in found.group(0).split(".")) if found else ()


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "directory": _path,
    "image": _image,
    "image_name": _text,
    "slot": _slot,
    "port": _port,
    "domains": _domains,
    "podman": _version,
    "nginx": _version,
    "nginx_modules": lambda value: tuple(_text(item) for item in _list(value)),
    "monit": _boolean,
    "cgroup": _between(1, 2),
    "io_weight": _boolean,
    "selinux": _boolean,
    "ipv6": _boolean,
    "cpus": _between(1, 65536),
    "memory": _between(1, 2**62),
}
