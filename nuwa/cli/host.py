"""`nuwa host`: this machine as a host of services."""

from __future__ import annotations

from typing import Annotated

import typer

from nuwa.cli import shared, terminal
from nuwa.errors import NuwaError, UsageError

app = shared.new_app(help="This machine as a host: webhooks, processes, router, log, monitor, dashboard.")


@shared.command(app)
def init() -> None:
    """Prepare this host: packages, folders, slice, services, token. It may be repeated."""
    from nuwa.agent.install import host
    from nuwa.agent.paths import host_paths

    progress = shared.progress()
    made = host.init(host_paths(), progress)
    text = "This host is prepared. Next: nuwa config edit, and nuwa ls."
    progress.result({"made": made}, text)


@shared.command(app)
def check() -> None:
    """Say what this host lacks."""
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the agent off this host: processes, configuration, log, history. Deployments stay."""
    from nuwa.agent.install import host
    from nuwa.agent.paths import host_paths

    if not yes and not typer.confirm("Stop all processes, and delete configuration, log and history?"):
        raise UsageError("nothing was removed")
    progress = shared.progress()
    host.remove(host_paths(), progress)
    progress.result({"removed": True}, "Nothing of the agent is left. Packages stay installed.")
