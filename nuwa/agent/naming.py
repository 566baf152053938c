"""Names that derive from a service: its units, its upstreams, its files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nuwa.names import SLOTS

SLICE = "nuwa.slice"
HOOKS_SLICE = "nuwa-hooks.slice"
CI = "nuwa-ci.service"
DASHBOARD = "nuwa-dashboard.service"
LOG = "nuwa-log.service"
ROUTER = "nginx.service"
CORE_UNITS = {"ci": CI, "dashboard": DASHBOARD, "router": ROUTER, "log": LOG}
"""The host's own services, and the unit of each."""

_PLAIN = re.compile(rf"nuwa@([a-z][a-z0-9-]*)-({'|'.join(SLOTS)})\.service")


@dataclass(frozen=True)
class UnitName:
    """A unit of a plain process."""

    service: str
    slot: str

    def __str__(self) -> str:
        return f"nuwa@{self.service}-{self.slot}.service"


def environment_file(unit: UnitName) -> str:
    """The file with a process's environment: what is in a unit file, every user of the host may read."""
    return f"{unit}.env"


def parse(unit: str) -> UnitName | None:
    """The plain process that a unit, or the file with its environment, belongs to."""
    found = _PLAIN.fullmatch(unit.removesuffix(".env"))
    return UnitName(found[1], found[2]) if found else None


def units_of(service: str) -> tuple[str, ...]:
    """The units of a plain process, one for each slot, or of one of the host's own services."""
    if service in CORE_UNITS:
        return (CORE_UNITS[service],)
    return tuple(str(UnitName(service, slot)) for slot in SLOTS)


def other(slot: str) -> str:
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


def upstream(service: str, index: int) -> str:
    """nginx's name for a port of a process. A dot keeps it apart from the upstreams of deployments."""
    return f"nuwa.{service}.{index}"


def nginx_variable(service: str, index: int) -> str:
    """The variable of nginx (without its dollar sign) that says where a port is served from."""
    return f"nuwa_{service.replace('-', '_')}_{index}"


def access_log(service: str) -> str:
    """Where nginx logs the requests that are routed to a plain process."""
    return f"/var/log/nginx/nuwa@{service}.log"


def upstream_file(service: str) -> str:
    return f"nuwa@{service}.upstream.conf"


def host_file(host: str) -> str:
    """The file of one host's routes; `*` cannot be in a file name that people type."""
    return f"nuwa@{host.replace('*', '_')}.conf"


def hook_unit(run: int, step: int) -> str:
    """The transient unit in which one command of a hook runs."""
    return f"nuwa-hook@{run}-{step}.service"
