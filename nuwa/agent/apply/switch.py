"""Replaces a process without a gap: the other slot comes up, nginx switches to it, and the old one stops.

nginx checks for a mark on disk with every request, so switching takes no reload, and no client's
connection is closed.
"""

from __future__ import annotations

import contextlib
import time

from nuwa import files
from nuwa.agent import naming
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import probes, sockets, systemctl
from nuwa.agent.host.services import Service
from nuwa.agent.naming import UnitName
from nuwa.agent.paths import Paths
from nuwa.errors import NuwaError
from nuwa.journal import tail
from nuwa.names import SLOTS

DRAIN_TIMEOUT_S = 30
"""Seconds for requests in progress on the old instance to finish."""
QUIET_S = 0.3
"""Seconds without any connection after which no request is on its way to the old instance."""


def switch(service: Service, loaded: Loaded, paths: Paths) -> str:
    """Replace the running instance of a process.

    Raises:
        NuwaError: the new instance does not become healthy; the old one keeps serving.
    """
    old, new = UnitName(service.name, service.slot), UnitName(service.name, naming.other(service.slot))
    _bring_up(new, loaded)
    _turn_router(new, paths)
    systemctl.enable([str(new)])
    systemctl.disable([str(old)])
    systemctl.reload()
    drained = _drain({port.of(old.slot) for port in loaded.ports[service.name]})
    systemctl.stop([str(old)])
    systemctl.forget_failure([str(old)])
    cut = "" if drained else f"; connections to {old.slot} were closed after {DRAIN_TIMEOUT_S} s"
    return f"{new.slot} took over{cut}"


def _bring_up(new: UnitName, loaded: Loaded) -> None:
    process = loaded.slots[new.slot].processes[new.service]
    ports = [port.of(new.slot) for port in loaded.ports[new.service]]
    try:
        systemctl.restart([str(new)])
        found = probes.wait(process, ports, lambda: systemctl.is_active(str(new)))
        if found:
            raise NuwaError(
                f"the new instance of {new.service} did not take over: {found}",
                hint="The old one keeps serving.",
                details=tail([str(new)]),
            )
    except BaseException:
        with contextlib.suppress(NuwaError):
            systemctl.stop([str(new)])
        raise


def _turn_router(new: UnitName, paths: Paths) -> None:
    mark = paths.second_slot(new.service)
    if new.slot == SLOTS[1]:
        files.write(mark, f"{new}\n")
    else:
        mark.unlink(missing_ok=True)


def _drain(ports: set[int]) -> bool:
    """Wait until nobody is connected to these ports; returns whether that happened in time."""
    end = time.monotonic() + DRAIN_TIMEOUT_S
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_S:
        if sockets.connections(ports):
            quiet_since = time.monotonic()
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
