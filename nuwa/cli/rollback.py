"""`nuwa rollback`: hosts go back to the previous release."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from nuwa.cli import shared
from nuwa.cli.deploy import Project, Targets

app = shared.new_app()


@shared.command(app)
def rollback(targets: Targets = None, project: Project = Path()) -> None:
    """Go back to the previous release at once: bin/deploy --rollback on each host.

    Run it twice to return to the newer release.
    """
    from nuwa.remote import deploy, target
    from nuwa.remote.ssh import connect

    made = shared.load_app(project)
    progress = shared.progress()
    chosen = target.choose(made, targets or [])
    with ExitStack() as stack:
        for connection in [stack.enter_context(connect(one)) for one in chosen]:
            deploy.rollback(connection, progress)
    names = [str(one) for one in chosen]
    progress.result({"ok": True, "hosts": names}, f"The previous release keeps serving {', '.join(names)}.")
