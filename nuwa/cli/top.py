"""`nuwa top`: what services use at this moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.cli.stats import cores
from nuwa.humanize import size

if TYPE_CHECKING:
    from nuwa.agent.schemas import Usage

app = shared.new_app()

HEAD = ("NAME", "CPU", "MEMORY", "NET IN", "OUT", "DISK READ", "WRITTEN")
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_CLEAR = "\x1b[2J"

Order = Annotated[str, typer.Option(metavar="COLUMN", help="Order: cpu, memory, net or disk.")]
Once = Annotated[bool, typer.Option("--once", help="Measure once, for two seconds, and exit.")]


@shared.command(app)
def top(sort: Order = "cpu", once: Once = False) -> None:
    """Show the usage of each service: CPU, memory, and network and disk per second. Ctrl-C stops it.

    Without a terminal, or with --json, it measures once.
    """
    from nuwa.errors import UsageError

    if sort not in _KEYS:
        raise UsageError(f"{sort!r} is not a column", hint=f"Columns: {', '.join(_KEYS)}.")
    is_once = once or shared.settings.json or not sys.stdout.isatty()
    samples = _samples()
    if is_once:
        shared.progress().result(sample := next(samples), _table(sample["services"], sort))
        return
    print(_CLEAR, end="")
    try:
        for sample in samples:
            _draw(_table(sample["services"], sort))
    except KeyboardInterrupt:
        print()


def _samples() -> Iterator[Any]:
    """Samples of the agent as they come, from the second one: the first has no rates yet.

    Raises:
        AgentDown: it stopped.
    """
    from nuwa.agent.client import AgentDown

    samples = (data for name, data in host_services.client().events("/watch") if name == "sample")
    next(samples, None)
    yield from samples
    raise AgentDown("the agent stopped", hint="nuwa restart ci")


def _draw(text: str) -> None:
    import shutil

    columns, rows = shutil.get_terminal_size()
    lines = [terminal.cut(line, columns) for line in text.splitlines()[: rows - 1]]
    print(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in lines) + _REST_OF_SCREEN, end="", flush=True)


_KEYS: dict[str, Any] = {
    "cpu": lambda usage: usage["cpu"] or 0,
    "memory": lambda usage: usage["memory"] or 0,
    "net": lambda usage: sum((usage["net"] or {}).values()),
    "disk": lambda usage: sum((usage["disk"] or {}).values()),
}


def _table(services: dict[str, Usage], sort: str) -> str:
    names = sorted(services, key=lambda name: (-_KEYS[sort](services[name]), name))
    return terminal.table(HEAD, [_row(name, services[name]) for name in names])


def _row(name: str, usage: Usage) -> tuple[str, ...]:
    net, disk = usage["net"], usage["disk"]
    return (
        terminal.paint(name, "bold"),
        cores(usage["cpu"]),
        size(usage["memory"]),
        *((size(net["incoming"]), size(net["outgoing"])) if net else ("", "")),
        *((size(disk["read"]), size(disk["written"])) if disk else ("", "")),
    )
