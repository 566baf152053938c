"""A process replaced without a gap: the other slot comes up, nginx turns to it, and the old one goes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from nuwa import files
from nuwa.agent import facts, naming, plan, router, sockets, systemctl
from nuwa.agent.loaded import Loaded
from nuwa.agent.naming import UnitName
from nuwa.agent.paths import Paths
from nuwa.agent.services import Service
from nuwa.agent.work import nginx, probe
from nuwa.errors import NuwaError
from nuwa.journal import tail
from nuwa.resources import TEMPLATES
from nuwa.templating import environment

DRAIN = 30
"""Seconds that open connections to the old instance get to end."""


def switch(service: Service, loaded: Loaded, paths: Paths) -> str:
    """Replace the running instance of a process.

    Raises:
        NuwaError: the new instance does not become healthy, or nginx refuses it; the old one serves on.
    """
    old, new = UnitName(service.name, service.slot), UnitName(service.name, naming.other(service.slot))
    process = loaded.slots[new.slot].processes[service.name]
    ports = [port.of(new.slot) for port in loaded.ports[service.name]]
    systemctl.restart([str(new)])
    try:
        found = probe.wait(process, ports, lambda: systemctl.is_active(str(new)))
        if found:
            raise NuwaError(
                f"the new instance of {service.name} did not take over: {found}",
                hint="The old one serves on.",
                details=tail([str(new)]),
            )
        _turn_router(service.name, new.slot, loaded, paths)
    except BaseException:
        with contextlib.suppress(NuwaError):
            systemctl.stop([str(new)])
        raise
    _note_slot(service.name, new.slot, paths)
    systemctl.enable([str(new)])
    systemctl.disable([str(old)])
    drained = _drain({port.of(old.slot) for port in loaded.ports[service.name]})
    systemctl.stop([str(old)])
    systemctl.forget_failure([str(old)])
    return f"{new.slot} took over" + (
        "" if drained else f"; connections to {old.slot} were cut after {DRAIN} s"
    )


def _turn_router(name: str, slot: str, loaded: Loaded, paths: Paths) -> None:
    """Let nginx send new requests to the slot."""
    host = plan.switched(facts.gather(loaded, paths), name, slot)
    pages = [page for page in router.pages(loaded, host, "") if page.file == naming.upstream_file(name)]
    templates = environment(str(TEMPLATES))
    wanted: dict[Path, str | None] = {
        paths.nginx / page.file: templates.get_template(f"agent/{page.template}").render(**page.values)
        for page in pages
    }
    refused = nginx.replace(wanted)
    if refused:
        raise NuwaError(f"nginx did not turn to the new instance of {name}", details="\n".join(refused))


def _note_slot(name: str, slot: str, paths: Paths) -> None:
    files.write_json(paths.slots, {**facts.serving_slots(paths), name: slot})


def _drain(ports: set[int]) -> bool:
    """Wait for the connections to these ports to end; whether they did."""
    end = time.monotonic() + DRAIN
    while sockets.connections(ports):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
