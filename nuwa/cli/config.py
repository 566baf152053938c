"""`nuwa config`: the configuration of this host."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared, terminal
from nuwa.humanize import age

if TYPE_CHECKING:
    from nuwa.agent.schemas import Applied

app = shared.new_app(help="The configuration of this host: /etc/nuwa/config.json.")

File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The file; default: the host's.")]


@shared.command(app, json=False)
def show() -> None:
    """Print the configuration."""
    from nuwa.agent.config.load import read
    from nuwa.agent.paths import host_paths

    print(read(host_paths().config), end="")


@shared.command(app)
def check(file: File = None) -> None:
    """Validate a configuration, and show what it would change on this host."""
    progress = shared.progress()
    done = _apply(file, dry_run=True)
    for warning in done["warnings"]:
        progress.note(warning)
    progress.result(*_result(done, "would be"))


@shared.command(app)
def apply(file: File = None) -> None:
    """Apply a configuration; only the services that it changes are restarted.

    FILE, if given, becomes the host's configuration.
    """
    progress = shared.progress()
    with progress.step("apply the configuration"):
        done = _apply(file, dry_run=False)
    for warning in done["warnings"]:
        progress.note(warning)
    progress.result(*_result(done, "was"))


@shared.command(app, json=False)
def edit() -> None:
    """Edit the configuration with $VISUAL or $EDITOR, and apply it if it is valid."""
    from nuwa.agent.paths import host_paths
    from nuwa.cli import config_editor

    done = config_editor.edit(host_paths())
    progress = shared.progress()
    if done is None:
        progress.result({}, "Nothing was changed.")
        return
    for warning in done["warnings"]:
        progress.note(warning)
    progress.result(*_result(done, "was"))


@shared.command(app)
def history(
    revision: Annotated[str, typer.Argument(metavar="[REVISION]", help="Print this revision.")] = "",
) -> None:
    """Show the configurations that were applied, or print one of them."""
    from nuwa.agent.config.history import Configurations
    from nuwa.agent.database import Database
    from nuwa.agent.paths import host_paths
    from nuwa.errors import UsageError

    configurations = Configurations(host_paths(), Database(host_paths().database))
    if revision:
        content = configurations.find(revision)
        if content is None:
            raise UsageError(f"there is no revision {revision!r}", hint="nuwa config history lists them")
        shared.progress().result({"revision": revision, "content": content}, content.rstrip("\n"))
        return
    found = configurations.history()
    rows = [(item["revision"], age(item["time"]), item["who"]) for item in found]
    shared.progress().result({"history": found}, terminal.table(("REVISION", "AGE", "WHO"), rows))


@shared.command(app, json=False)
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from nuwa.agent.config import schema as made

    print(made.text(), end="")


def _apply(file: Path | None, *, dry_run: bool) -> Applied:
    """Apply through the agent, so that it knows at once; directly if it is down."""
    from nuwa.agent.apply.apply import apply as put
    from nuwa.agent.client import AgentDown
    from nuwa.agent.config.load import read
    from nuwa.agent.paths import host_paths
    from nuwa.cli.host_services import client, recorded

    paths = host_paths()
    text = read(file) if file else None
    dry = "1" if dry_run else ""
    try:
        if text is None:
            done: Applied = client().ask("POST", "/config/apply", dry_run=dry)
            return done
        present = {} if dry_run else {"If-Match": _present(paths.config)}
        changed: Applied = client().ask("PUT", "/config", text.encode(), present, dry_run=dry)
    except AgentDown:
        with contextlib.nullcontext() if dry_run else recorded("configure", ""):
            return put(paths, text, dry_run=dry_run)
    return changed


def _present(path: Path) -> str:
    from nuwa.agent.config.resolved import EMPTY, revision

    return f'"{revision(path.read_text() if path.exists() else EMPTY)}"'


def _result(done: Applied, how: str) -> tuple[dict[str, object], str]:
    lines = [change["diff"].rstrip() or f"{change['action']} {change['path']}" for change in done["changes"]]
    for key, verb in (("started", "started"), ("restarted", "restarted"), ("stopped", "stopped")):
        names = done[key]  # type: ignore[literal-required]  # one of the names that were checked
        lines += [f"{verb}: {' '.join(names)}"] if names else []
    return {**done}, "\n".join(lines) or f"Nothing {how} changed."
