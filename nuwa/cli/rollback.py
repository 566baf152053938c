"""`nuwa rollback`: roll hosts back to the previous release."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from nuwa.cli import shared
from nuwa.cli.deploy import Project, Targets
from nuwa.errors import ConnectionLost, NuwaError, RemoteError

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.manifest.model import App
    from nuwa.remote.ssh import Connection

app = shared.new_app()


@shared.command(app)
def rollback(targets: Targets = None, project: Project = Path()) -> None:
    """Return to the previous release at once: run bin/deploy --rollback on each host.

    Run it twice to return to the newer release. Several hosts are rolled back one after another; the first
    failure stops the command, which then names the remaining hosts.
    """
    from nuwa.remote import target
    from nuwa.remote.ssh import connect

    made = shared.load_app(project)
    progress = shared.progress()
    chosen = target.choose(made, targets or [])
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(one)) for one in chosen]
        for connection in connections:
            _check(connection, made)
        _in_turn(connections, progress)
    names = [str(one) for one in chosen]
    progress.result({"ok": True, "hosts": names}, f"The previous release serves on {', '.join(names)}.")


def _check(connection: Connection, made: App) -> None:
    """Reject a folder without a deployment of this app, before any host is rolled back."""
    from nuwa.remote import host

    state = host.look(connection, made)
    host.check_folder(state, made)
    if state.is_new:
        raise RemoteError(
            f"nothing is deployed in {state.target.directory} on {state.target.destination}",
            hint=f"Deploy there first (nuwa deploy {state.target}), or name the deployment's folder.",
        )


def _in_turn(connections: Sequence[Connection], progress: Progress) -> None:
    """Roll back one host after the other. A second rollback would undo the first, so the hint after a failure
    leaves out the hosts that are done."""
    from nuwa.remote import deploy

    names = [str(connection.target) for connection in connections]
    for done, connection in enumerate(connections):
        try:
            deploy.rollback(connection, progress)
        except ConnectionLost as error:
            raise _unknown(error, names[:done], names[done], names[done + 1 :]) from None
        except NuwaError as error:
            error.details = "\n".join(filter(None, (error.details, _so_far(names[:done], names[done:]))))
            again = f"nuwa rollback {' '.join(names[done:])}"
            error.hint = f"{error.hint} Then: {again}" if error.hint else f"Once the cause is fixed: {again}"
            raise
        except KeyboardInterrupt:
            progress.note(_so_far(names[:done], names[done + 1 :], names[done]))
            progress.note(_look_first(names[done], names[done + 1 :]))
            raise


def _unknown(error: NuwaError, before: Sequence[str], this: str, after: Sequence[str]) -> NuwaError:
    """The error of a host that may or may not have been rolled back."""
    error.details = _so_far(before, after, this)
    error.hint = _look_first(this, after)
    return error


def _so_far(back: Sequence[str], left: Sequence[str], unknown: str = "") -> str:
    lines = {
        "Rolled back": back,
        "Perhaps rolled back": [unknown] if unknown else (),
        "Not rolled back": left,
    }
    return "\n".join(f"{what}: {', '.join(names)}." for what, names in lines.items() if names)


def _look_first(this: str, after: Sequence[str]) -> str:
    """The hint for such a host: repeating a rollback that succeeded would bring the newer release back."""
    left = f" For the remaining hosts: nuwa rollback {' '.join(after)}" if after else ""
    return (
        f"To see which release serves there: nuwa app --on {this} status\n"
        f"If it is still the newer one: nuwa rollback {this}.{left}"
    )
