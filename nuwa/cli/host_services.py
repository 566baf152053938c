"""The host's services for the command line: from the agent, or from systemd itself when it is down."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nuwa.agent.client import Client
    from nuwa.agent.config.resolved import Loaded
    from nuwa.agent.host.services import Service
    from nuwa.agent.schemas import Listing, Outcome


def client() -> Client:
    from nuwa.agent.client import Client
    from nuwa.agent.paths import host_paths
    from nuwa.cli import caller

    return Client(host_paths().socket, caller.headers())


def record(action: str, target: str, outcome: str = "ok") -> None:
    """Record in the audit trail what this command did without the agent."""
    from nuwa.agent.audit import Trail
    from nuwa.agent.database import Database
    from nuwa.agent.paths import host_paths
    from nuwa.cli import caller
    from nuwa.errors import NuwaError

    # The action was done: it does not fail because it cannot be recorded.
    with contextlib.suppress(OSError, sqlite3.Error, NuwaError):
        database = Database(host_paths().database)
        try:
            Trail(database).record(caller.caller(), action, target, outcome)
        finally:
            database.close()


@contextlib.contextmanager
def recorded(action: str, target: str) -> Iterator[None]:
    """Record what the block does without the agent, and its outcome."""
    from nuwa.errors import NuwaError

    outcome = "interrupted"
    try:
        yield
        outcome = "ok"
    except NuwaError as error:
        outcome = f"failed: {error.message}"
        raise
    finally:
        record(action, target, outcome)


def loaded() -> Loaded:
    """The applied configuration."""
    from nuwa.agent.config import applied
    from nuwa.agent.paths import host_paths

    return applied.load(host_paths())


def everything() -> list[Service]:
    """All services, the host's own last."""
    from nuwa.agent.host import services
    from nuwa.agent.paths import host_paths

    return [*services.every(loaded(), host_paths()), *services.core()]


def listing() -> tuple[Listing, bool]:
    """Everything at a glance, and whether the agent answered."""
    from nuwa.agent.client import AgentDown

    try:
        found: Listing = client().ask("GET", "/ls")
    except AgentDown:
        return _listing_of_systemd(), False
    return found, True


def _listing_of_systemd() -> Listing:
    from nuwa.agent.host import services, systemctl

    every = everything()
    units = systemctl.show([unit for service in every for unit in service.serving])
    in_force = loaded().revision
    rows = [services.row(service, units) for service in every]
    return {"revision": "", "applied": in_force, "ps": rows, "hooks": []}


def act(verb: str, name: str) -> Outcome:
    """Start, stop or restart a service; directly when the agent is down, and for the agent itself."""
    from nuwa.agent.apply import lifecycle
    from nuwa.agent.client import AgentDown
    from nuwa.agent.paths import host_paths

    if name != "ci":
        try:
            done: Outcome = client().ask("POST", f"/{verb}/{name}")
            return done
        except AgentDown:
            pass
    with recorded(verb, name):
        found: Outcome = lifecycle.act(verb, name, host_paths())
    return found


def names() -> list[str]:
    """Names of services, for completion; none if this user may not see them."""
    from nuwa.errors import NuwaError

    try:
        return [service.name for service in everything()]
    except (NuwaError, OSError):
        return []


def hook_names() -> list[str]:
    """Names of webhooks, for completion."""
    from nuwa.errors import NuwaError

    try:
        return list(loaded().config.webhooks)
    except (NuwaError, OSError):
        return []


def complete(incomplete: str) -> list[str]:
    """The names of services that begin with a text."""
    return [name for name in names() if name.startswith(incomplete)]


def _complete_hook(incomplete: str) -> list[str]:
    return [name for name in hook_names() if name.startswith(incomplete)]


Names: Any = Annotated[
    list[str], typer.Argument(metavar="NAME…", help="Services.", autocompletion=complete, show_default=False)
]
Name: Any = Annotated[
    str, typer.Argument(metavar="[NAME]", help="A service; default: all.", autocompletion=complete)
]
Hook: Any = Annotated[str, typer.Argument(metavar="NAME", help="A webhook.", autocompletion=_complete_hook)]


def all_of(verb: str, chosen: list[str]) -> None:
    """Do one thing to several services, and report the result of each."""
    from nuwa.cli import shared

    progress = shared.progress()
    outcomes = []
    for name in chosen:
        with progress.step(f"{verb} {name}") as step:
            outcomes.append(act(verb, name))
            step.done(outcomes[-1]["message"])
    lines = [f"{outcome['name']}: {outcome['message']}" for outcome in outcomes]
    progress.result({"services": outcomes}, "\n".join(lines))
