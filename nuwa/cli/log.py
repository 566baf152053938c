"""`nuwa log`: what services wrote."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.errors import UsageError
from nuwa.humanize import plain

if TYPE_CHECKING:
    from nuwa.agent.host.journal import Query, Sources
    from nuwa.agent.schemas import Line

app = shared.new_app()

Count = Annotated[
    int,
    typer.Option("--lines", "-n", min=1, max=10_000, help="Maximum number of lines; the newest are shown."),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="Start time: -1h, today, 2026-11-22 10:00.")]
Until = Annotated[str, typer.Option(metavar="TIME", help="End time.")]
Grep = Annotated[str, typer.Option(metavar="PATTERN", help="Only lines that match a regular expression.")]
Priority = Annotated[
    str, typer.Option(metavar="LEVEL", help="Minimum priority: err, warning, notice, info, or 0 to 7.")
]


@shared.command(app)
def log(
    name: host_services.Name = "",
    lines: Count = 50,
    follow: Follow = False,
    since: Since = "",
    until: Until = "",
    grep: Grep = "",
    priority: Priority = "",
) -> None:
    """Show the log of one service, or of all: each line with its age, newer lines brighter.

    It reads the journal directly, so it works without the agent too.
    """
    from nuwa.agent.host import journal, services
    from nuwa.agent.host.journal import Query, Sources

    every = host_services.everything()
    chosen = [service for service in every if name in ("", service.name)]
    if not chosen:
        raise services.unknown(name, [service.name for service in every])
    query = Query(lines, since, until, grep, _level(priority))
    sources = Sources(chosen)
    if follow:
        _follow(sources, query, named=not name)
        return
    found = journal.read(sources, query)
    now = time.time()
    text = "\n".join(_shown(line, now, named=not name) for line in found)
    shared.progress().result({"lines": found}, text)


_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


def _level(text: str) -> int | None:
    if not text:
        return None
    if text in _LEVELS:
        return _LEVELS.index(text)
    if text in tuple("01234567"):
        return int(text)
    raise UsageError(f"{text!r} is not a priority", hint=f"priorities: {', '.join(_LEVELS)}, or 0 to 7")


def _follow(sources: Sources, query: Query, *, named: bool) -> None:
    import asyncio

    from nuwa.agent.host import journal

    async def work() -> None:
        async for line in journal.follow(sources, query):
            if shared.settings.json:
                print(json.dumps(line, ensure_ascii=False), flush=True)
            else:
                print(_shown(line, time.time(), named=named), flush=True)

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        sys.stdout.flush()


def _shown(line: Line, now: float, *, named: bool) -> str:
    when = terminal.aged(line["time"], now)
    if not terminal.is_coloured():
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line["time"]))
    colour = ("red",) if line["priority"] <= 3 else ("yellow",) if line["priority"] == 4 else ()
    name = terminal.paint(f"{line['service']:<12} ", "cyan") if named else ""
    return f"{when}  {name}{terminal.paint(plain(line['text']), *colour)}"
