"""The hosts of a lab: their state, and the steps by which one becomes ready."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nuwa.engine import Engine
from nuwa.errors import CommandError, LabError
from nuwa.lab import commands, ports
from nuwa.lab.model import LABEL_HOST, LABEL_LAB, Host, HostState, Lab, by_number

START_TIMEOUT_S = 120
_STATES = {"running": "running", "exited": "stopped", "stopped": "stopped"}


def states(engine: Engine, lab: Lab) -> list[HostState]:
    """The state of each of the lab's hosts, in order."""
    found = engine.containers(f"label={LABEL_LAB}={lab.label}")
    return list(by_number([_state(lab, data) for data in found]))


def promised_ports(engine: Engine) -> set[int]:
    """Ports reserved by the hosts of every lab, whether they run or not."""
    return {port for data in engine.containers(f"label={LABEL_LAB}") for port in _ports(data).values()}


def _state(lab: Lab, data: dict[str, Any]) -> HostState:
    return HostState(
        host=lab.host(int(data["Labels"][LABEL_HOST])),
        state=_STATES.get(data["State"], "broken"),
        image=data["ImageID"],
        ports=_ports(data),
    )


def _ports(data: dict[str, Any]) -> dict[int, int]:
    return {entry["container_port"]: entry["host_port"] for entry in data.get("Ports") or []}


def has_cgroup2() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def create(engine: Engine, host: Host, image: str) -> dict[int, int]:
    """Start a host that does not exist, and return its ports.

    Raises:
        LabError: no port is free, or podman cannot start it.
    """
    if not engine.podman("volume", "exists", host.volume, check=False).ok:
        engine.podman(*commands.create_volume(host))
    preferred = ports.ASIDE if host.lab.name else ports.PREFERRED
    refused: set[int] = set()
    while True:
        chosen = ports.choose(preferred, promised_ports(engine) | refused)
        try:
            engine.podman(*commands.create_host(host, image, chosen, cgroup2=has_cgroup2()))
            return chosen
        except CommandError as error:
            engine.remove_containers(host.container)
            if not _port_taken(error):
                raise _cannot_start(host, error) from None
            refused |= set(chosen.values())


def start(engine: Engine, state: HostState) -> None:
    """Start a host that was stopped; it keeps its disk and its ports.

    Raises:
        LabError: another program has taken one of its ports, or podman cannot start it.
    """
    try:
        engine.podman("start", state.host.container)
    except CommandError as error:
        if not _port_taken(error):
            raise _cannot_start(state.host, error) from None
        taken = ", ".join(str(port) for port in state.ports.values() if not ports.is_free(port))
        raise LabError(
            f"port {taken or 'of the host'} of 127.0.0.1 is taken, and {state.host.name} was made with it",
            hint="Stop what listens there (ss -ltnp), or `nuwa lab reset` for new hosts with other ports.",
        ) from None


def wait_until_ready(engine: Engine, host: Host) -> list[str]:
    """Wait until systemd has started everything, and return the units that failed.

    Raises:
        LabError: it stopped again, or is not ready in time.
    """
    end = time.monotonic() + START_TIMEOUT_S
    while (left := end - time.monotonic()) > 0:
        result = engine.podman(*commands.wait_for_systemd(host), check=False, timeout=max(left, 1))
        word = result.stdout.strip()
        if word == "running":
            return []
        if word == "degraded":
            return failed_units(engine, host)
        if not _is_running(engine, host):
            raise LabError(f"{host.name} stopped while it started", details=_log(engine, host), hint=_HINT)
        time.sleep(0.2)
    raise LabError(
        f"{host.name} is not ready after {START_TIMEOUT_S} s", details=_log(engine, host), hint=_HINT
    )


def failed_units(engine: Engine, host: Host) -> list[str]:
    """Units that failed, without the health checks of containers that are still starting."""
    listed = engine.exec(
        host.container, "systemctl", "list-units", "--failed", "--plain", "--no-legend", check=False
    )
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.split()]
    return [name for name in names if not re.match(r"[0-9a-f]{64}-", name)]


_HINT = "A lab host needs a privileged container; `nuwa lab reset` starts afresh."


def _port_taken(error: CommandError) -> bool:
    return "address already in use" in error.output


def _cannot_start(host: Host, error: CommandError) -> LabError:
    hint = _HINT
    if "netavark" in error.output and "No such file" in error.output:
        hint = "podman's network needs a firewall tool: apt-get install iptables nftables."
    return LabError(f"podman cannot start {host.container}", details=error.output, hint=hint)


def _is_running(engine: Engine, host: Host) -> bool:
    found = engine.containers(f"name=^{host.container}$")
    return any(data["State"] == "running" for data in found)


def _log(engine: Engine, host: Host) -> str:
    result = engine.podman("logs", "--tail", "20", host.container, check=False)
    return (result.stdout + result.stderr).strip()


def require(states_: Collection[HostState], host: Host) -> HostState:
    """The state of a host, which must be running.

    Raises:
        LabError: it does not exist, or is stopped.
    """
    found = next((state for state in states_ if state.host == host), None)
    if found is None:
        up = "nuwa lab up" if host.number == 1 else f"nuwa lab up --hosts {host.number}"
        raise LabError(f"there is no lab host {host.name}", hint=f"`{up}` makes it.")
    if found.state != "running":
        raise LabError(f"lab host {host.name} is {found.state}", hint="`nuwa lab up` starts it.")
    return found
