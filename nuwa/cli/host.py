"""`nuwa host`: this machine as a host of services."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from nuwa.cli import shared, terminal
from nuwa.errors import NuwaError, UsageError

app = shared.new_app(
    help="Set up this machine as a host: webhooks, processes, router, log, monitor, dashboard."
)


@shared.command(app)
def init() -> None:
    """Prepare this host: nuwa in /opt/nuwa, packages, folders, slice, services, token. Can be repeated."""
    from nuwa import installation

    progress = shared.progress()
    _require_root()
    if not installation.is_current():
        with progress.step(f"install nuwa in {installation.PLACE}"):
            installation.install_here()
    _go_on_in_place()
    from nuwa.agent.install import host
    from nuwa.agent.paths import host_paths

    made = host.init(host_paths(), progress)
    text = "This host is prepared. Next: nuwa config edit, then nuwa ls."
    progress.result({"made": made}, text)


@shared.command(app)
def check() -> None:
    """Show what this host lacks."""
    _go_on_in_place()
    from nuwa.agent.install import host
    from nuwa.agent.paths import host_paths

    found = host.check(host_paths())
    rows = [
        (terminal.paint("missing" if fault else "ok", "red" if fault else "green"), title, fault)
        for title, fault in found
    ]
    faults = {title: fault for title, fault in found if fault}
    shared.progress().result({"faults": faults}, terminal.table(("", "PART", ""), rows))
    if faults:
        raise NuwaError(f"{len(faults)} of {len(found)} parts are missing or wrong", hint="nuwa host init")


@shared.command(app)
def remove(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove the agent from this host: processes, configuration, log, history. Deployments stay."""
    from nuwa.agent.install import host
    from nuwa.agent.paths import host_paths

    _require_root()
    _go_on_in_place()
    if not yes and not typer.confirm("Stop all processes, and delete configuration, log and history?"):
        raise UsageError("nothing was removed")
    progress = shared.progress()
    host.remove(host_paths(), progress)
    progress.result({"removed": True}, "The agent was removed. Packages stay installed.")


def _require_root() -> None:
    if os.geteuid() != 0:
        raise NuwaError("only root can do that", hint="Run it with sudo.")


def _go_on_in_place() -> None:
    """Continue as the nuwa that is installed on the host, from which the agent runs."""
    from nuwa import installation, process

    own = installation.PLACE / "bin/nuwa"
    if own.exists() and not installation.is_in_place():
        process.replace_this([own, *sys.argv[1:]])
