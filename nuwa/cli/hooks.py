"""`nuwa hooks`: webhooks and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import age, plain

if TYPE_CHECKING:
    from nuwa.agent.schemas import Run

app = shared.new_app(help="Webhooks and their runs, step by step.")


@shared.command(app, name="ls")
def list_() -> None:
    """Show every webhook with the state of its last run."""
    listing = host_services.client().ask("GET", "/ls")
    rows = [
        (
            terminal.paint(hook["name"], "bold"),
            _painted(hook["state"]),
            str(hook["queued"] or ""),
            str(hook["run"] or ""),
            age(hook["started"]),
            hook["commit"][:12],
            " ".join(hook["services"]),
        )
        for hook in listing["hooks"]
    ]
    head = ("NAME", "STATE", "WAITING", "RUN", "AGE", "COMMIT", "SERVICES")
    shared.progress().result({"hooks": listing["hooks"]}, terminal.table(head, rows))


@shared.command(app)
def runs(
    name: host_services.Hook,
    count: Annotated[int, typer.Option("--count", "-n", help="Number of runs.")] = 20,
) -> None:
    """Show the last runs of a webhook."""
    found = host_services.client().ask("GET", f"/hooks/{name}/runs", count=str(count))
    head = ("RUN", "STATE", "AGE", "SECONDS", "COMMIT", "DELIVERY", "SERVICES")
    rows = [
        (
            str(run["id"]),
            _painted(run["state"]),
            age(run["created"]),
            "" if run["duration"] is None else f"{run['duration']:.1f}",
            run["commit"][:12],
            plain(run["delivery"]),
            " ".join(run["services"]),
        )
        for run in found["runs"]
    ]
    shared.progress().result(found, terminal.table(head, rows))


@shared.command(app)
def show(run: Annotated[int, typer.Argument(metavar="RUN", help="Number of a run.")]) -> None:
    """Show one run: each command with its output, its duration and its exit code."""
    found: Run = host_services.client().ask("GET", f"/runs/{run}")
    shared.progress().result({**found}, _text(found))


@shared.command(app)
def run(name: host_services.Hook) -> None:
    """Run a webhook now, as after a push, and restart all services that it affects."""
    found = host_services.client().ask("POST", f"/webhook/{name}/restart")
    shared.progress().result(found, f"run {found['run']} is queued: nuwa hooks show {found['run']}")


@shared.command(app)
def cancel(name: host_services.Hook) -> None:
    """Stop the current run, and empty the queue."""
    found = host_services.client().ask("POST", f"/webhook/{name}/cancel")
    numbers = " ".join(map(str, found["cancelled"]))
    shared.progress().result(found, f"cancelled: {numbers}" if numbers else "there was nothing to cancel")


def _painted(state: str) -> str:
    colours: dict[str, Any] = {"ok": "green", "idle": "dim", "queued": "yellow", "running": "yellow"}
    return terminal.paint(state, colours.get(state, "red"))


def _text(run: Run) -> str:
    head = f"{run['hook']}, run {run['id']}: {_painted(run['state'])} {run['commit'][:12]}"
    parts = [head.rstrip()]
    for line in run["lines"]:
        code = "…" if line["code"] is None else str(line["code"])
        how = terminal.paint(f"[{code}] {line['duration']:.1f} s", "green" if line["code"] == 0 else "red")
        parts.append(f"\n{terminal.paint('$ ' + plain(line['command']), 'bold')}  {how}")
        parts += [f"  {plain(text)}" for text in line["output"].splitlines()]
    return "\n".join(parts)
