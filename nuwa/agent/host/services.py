"""Services by name, and their state from systemd's properties, in the terms of `nuwa ls`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nuwa.agent import naming
from nuwa.agent.config import processes
from nuwa.agent.config.model import Process
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import deployment
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.naming import UnitName
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import ServiceRow, Usage
from nuwa.errors import UsageError
from nuwa.names import SLOTS


class UnknownService(UsageError):
    """There is no service of that name."""


@dataclass(frozen=True)
class Service:
    """Something that can be started and stopped.

    Args:
        kind: `process`, `deployment`, or `core` for the host's own.
        slot: the current slot; empty for the host's own.
        process: its configuration.
        deployment: its deployment, if it is one.
    """

    name: str
    kind: str
    slot: str = ""
    process: Process | None = None
    deployment: Deployment | None = None
    ports: tuple[int, ...] = ()

    @property
    def units(self) -> tuple[str, ...]:
        """Its units in both slots; none for a deployment whose bin/ is missing."""
        if self.deployment and not self.deployment.app:
            return ()
        if self.deployment:
            names, places = self.deployment.names, self.deployment.places
            return tuple(names.unit(place) for slot in SLOTS for place in places(slot))
        return naming.units_of(self.name)

    @property
    def possible(self) -> tuple[str, ...]:
        """The units that may run: only that of the first slot if a plain process cannot run twice."""
        is_single = self.process is not None and self.kind == "process" and not self.process.switches
        return (self.unit,) if is_single else self.units

    @cached_property
    def serving(self) -> tuple[str, ...]:
        """The units of the current slot: several for a deployment with replicas."""
        if self.deployment and self.deployment.app:
            return self.deployment.serving_units
        return (self.unit,) if self.unit else ()

    @cached_property
    def unit(self) -> str:
        """The (first) unit of the current slot."""
        if self.deployment:
            return self.deployment.unit if self.deployment.app else ""
        return naming.CORE_UNITS[self.name] if self.kind == "core" else str(UnitName(self.name, self.slot))


def every(loaded: Loaded, paths: Paths) -> Iterator[Service]:
    """The services of a configuration, in their present state."""
    switched = _names_in(paths.serving)
    for name, process in loaded.config.processes.items():
        if process.is_deployment:
            found = deployment.find(processes.absolute(process.deployment, loaded.base))
            yield Service(name, "deployment", found.slot, process, found, found.ports)
        else:
            slot = SLOTS[1] if name in switched else SLOTS[0]
            ports = tuple(item.of(slot) for item in loaded.ports.get(name, ()))
            yield Service(name, "process", slot, process, None, ports)


def _names_in(folder: Path) -> set[str]:
    """The names of files in a folder, read together: a lookup for each of hundreds takes milliseconds."""
    try:
        with os.scandir(folder) as found:
            return {entry.name for entry in found}
    except OSError:
        return set()


def core() -> Iterator[Service]:
    """The host's own services."""
    for name in naming.CORE_UNITS:
        yield Service(name, "core")


def find(name: str, loaded: Loaded, paths: Paths) -> Service:
    """The service of that name.

    Raises:
        UnknownService: there is none; the hint lists the existing ones.
    """
    known = {service.name: service for service in (*every(loaded, paths), *core())}
    if name not in known:
        raise unknown(name, list(known))
    return known[name]


def unknown(name: str, known: list[str]) -> UnknownService:
    import difflib

    nearest = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}"
    return UnknownService(f"there is no service {name!r}", hint=hint)


def status(properties: Properties) -> str:
    """The state of a unit, in one word."""
    match properties.get("ActiveState"):
        case "active" | "reloading" | "refreshing":
            return "running"
        case "activating":
            return "starting"
        case "deactivating":
            return "stopping"
        case "failed":
            return "stopped"
    return "stopped" if _number(properties, "InactiveEnterTimestampMonotonic") else "unstarted"


def worst(service: Service, units: Mapping[str, Properties]) -> Properties:
    """systemd's properties of the serving unit; of several replicas, those of one that is not running, if
    any, with the restarts of all."""
    found = [units.get(unit, {}) for unit in service.serving]
    if len(found) < 2:
        return found[0] if found else {}
    down = next((properties for properties in found if status(properties) != "running"), found[0])
    return {**down, "NRestarts": _restarts(found)}


def best(service: Service, units: Mapping[str, Properties]) -> Properties:
    """systemd's properties of the serving unit; of several replicas, those of the first that runs, since one
    is enough to answer, with the restarts of all."""
    found = [units.get(unit, {}) for unit in service.serving]
    if len(found) < 2:
        return found[0] if found else {}
    up = next((properties for properties in found if status(properties) == "running"), found[0])
    return {**up, "NRestarts": _restarts(found)}


def _restarts(found: list[Properties]) -> str:
    return str(sum(_number(properties, "NRestarts") for properties in found))


def result(properties: Properties) -> str:
    """The cause of its last failure: `exit-code 1`, `oom-kill`; empty if it did not fail."""
    found = properties.get("Result", "")
    if properties.get("LoadState") == "not-found":
        return "no unit"
    if found in ("", "success"):
        return ""
    code = _number(properties, "ExecMainStatus")
    return f"{found} {code}" if found in ("exit-code", "signal", "core-dump") else found


def row(service: Service, units: Mapping[str, Properties]) -> ServiceRow:
    """A service as `nuwa ls` and the dashboard show it.

    Args:
        units: systemd's properties of its units.
    """
    serving = best(service, units)
    found = service.deployment
    archive = found.last_archive if found else None
    rehearsal = found.last_rehearsal if found else None
    return {
        "name": service.name,
        "kind": service.kind,
        "status": status(serving),
        "result": degraded(service, units) or result(serving)
        if service.unit
        else f"no deployment in {found.folder if found else '?'}",
        "pid": _number(serving, "MainPID") or None,
        "ports": list(service.ports),
        "slot": service.slot,
        "since": since(serving),
        "restarts": _number(serving, "NRestarts"),
        "release": found.release if found else "",
        "domains": found.domains if found else [],
        "backup": archive.time if archive and archive.ok else None,
        "rehearsal": rehearsal.time if rehearsal and rehearsal.ok else None,
        "commands": [{"name": name, "help": text} for name, text in found.commands.items()] if found else [],
        "certificate_end": None,
        "usage": no_usage(),
        "last": [],
        "hook": None,
        "container": None,
    }


def degraded(service: Service, units: Mapping[str, Properties]) -> str:
    """`1 of 2 replicas run`, if some are down."""
    running = [unit for unit in service.serving if status(units.get(unit, {})) == "running"]
    if not running or len(running) == len(service.serving):
        return ""
    return f"{len(running)} of {len(service.serving)} replicas run"


def news(row: ServiceRow) -> dict[str, Any]:
    """The part of a row whose changes are published: samples and lines have events of their own."""
    told = {key: value for key, value in row.items() if key not in ("usage", "last", "since")}
    return {**told, "since": round(row["since"] or 0)}


def no_usage() -> Usage:
    return {"cpu": None, "memory": None, "net": None, "disk": None}


def since(properties: Properties) -> float | None:
    """When the unit entered its present state, in Unix seconds.

    Derived from systemd's monotonic time, so that later changes of the clock do not matter.
    """
    running = status(properties) in ("running", "stopping")
    at = _number(properties, f"{'Active' if running else 'Inactive'}EnterTimestampMonotonic")
    return time.time() - (time.monotonic() - at / 1e6) if at else None


def _number(properties: Properties, name: str) -> int:
    value = properties.get(name, "")
    return int(value) if value.isdigit() else 0
