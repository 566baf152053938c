"""`nuwa audit`: who did what, and how."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared, terminal
from nuwa.humanize import plain

if TYPE_CHECKING:
    from nuwa.agent.schemas import AuditEntry

app = shared.new_app()


@shared.command(app)
def audit(
    since: Annotated[
        str, typer.Option(help="Start time: -1h, -2d, today, 2026-11-22 10:00.", show_default=False)
    ] = "",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="Number of entries.")] = 200,
) -> None:
    """Show who did what on this host, and how, newest last. Works while the agent is down."""
    from nuwa.agent.audit import Trail
    from nuwa.agent.database import Database
    from nuwa.agent.paths import host_paths
    from nuwa.cli.times import moment

    begin = moment(since) if since else 0.0
    entries = Trail(Database(host_paths().database)).entries(begin, count)[::-1]
    rows = [_row(entry) for entry in entries]
    text = terminal.table(("TIME", "WHO", "WAY", "FROM", "WHAT", "OUTCOME"), rows) if rows else ""
    shared.progress().result({"entries": entries}, text or "Nothing was done yet.")


def _row(entry: AuditEntry) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["time"]))
    what = f"{entry['action']} {entry['target']}".rstrip()
    outcome = entry["outcome"]
    bad = outcome.startswith(("failed", "refused", "interrupted"))
    parts = (entry["who"], entry["way"], entry["source"], what)
    return (when, *map(plain, parts), terminal.paint(plain(outcome), "red" if bad else "green"))
