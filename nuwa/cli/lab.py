"""`nuwa lab`: disposable hosts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared
from nuwa.errors import UsageError

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.lab.model import HostState

app = shared.new_app(
    help="Disposable hosts for trying things out: systemd, podman, nginx, monit and the rest."
)

Name = Annotated[
    str,
    typer.Option("--lab", envvar="NUWA_LAB", help="Name of the lab; default: the only one without a name."),
]
HostName = Annotated[str, typer.Argument(metavar="[HOST]", help="host1, host2, …", show_default="host1")]
Count = Annotated[int, typer.Option("--hosts", help="Minimum number of hosts.")]


@shared.command(app)
def up(hosts: Count = 1, lab: Name = "") -> None:
    """Start the lab; hosts that are running are left alone."""
    from nuwa.engine import Engine
    from nuwa.lab import lifecycle
    from nuwa.lab.model import Lab

    progress = shared.progress()
    _show(progress, lifecycle.up(Engine.detect(), progress, Lab(lab), hosts))


@shared.command(app)
def down(lab: Name = "") -> None:
    """Remove the lab with everything on its hosts."""
    from nuwa.engine import Engine
    from nuwa.lab import lifecycle
    from nuwa.lab.model import Lab

    progress = shared.progress()
    removed = lifecycle.down(Engine.detect(), progress, Lab(lab))
    progress.result({"removed": removed}, "The lab was removed." if removed else "There was no lab.")


@shared.command(app)
def reset(
    hosts: Annotated[
        int, typer.Option("--hosts", help="Number of hosts.", show_default="as many as before")
    ] = 0,
    lab: Name = "",
) -> None:
    """Replace the hosts of the lab with fresh ones."""
    from nuwa.engine import Engine
    from nuwa.lab import lifecycle
    from nuwa.lab.model import Lab

    progress = shared.progress()
    _show(progress, lifecycle.reset(Engine.detect(), progress, Lab(lab), hosts))


@shared.command(app)
def status(lab: Name = "") -> None:
    """Show the hosts, their state, and how to reach them."""
    from nuwa.engine import Engine
    from nuwa.lab.hosts import states
    from nuwa.lab.model import Lab

    _show(shared.progress(), states(Engine.detect(), Lab(lab)))


@shared.command(app, json=False)
def shell(host: HostName = "", lab: Name = "") -> None:
    """Open a root shell on a host."""
    from nuwa.engine import Engine
    from nuwa.lab import access
    from nuwa.lab.model import Lab

    raise typer.Exit(access.shell(Engine.detect(), Lab(lab).find(host)))


@shared.command(app, name="exec", json=False, context_settings={"allow_interspersed_args": False})
def execute(
    words: Annotated[list[str], typer.Argument(metavar="[HOST] -- COMMAND…", show_default=False)],
    lab: Name = "",
) -> None:
    """Run a command on a host, and exit with its exit code."""
    from nuwa.engine import Engine
    from nuwa.lab import access
    from nuwa.lab.model import Lab

    host, command = _host_and_command(words)
    raise typer.Exit(access.execute(Engine.detect(), Lab(lab).find(host), command))


@shared.command(app)
def copy(
    image: Annotated[str, typer.Argument(help="The image's name or id.", show_default=False)],
    host: HostName = "",
    lab: Name = "",
) -> None:
    """Copy an image to a host, unless it is already there."""
    from nuwa.engine import Engine
    from nuwa.lab import access
    from nuwa.lab.model import Lab

    progress = shared.progress()
    target = Lab(lab).find(host)
    copied = access.copy(Engine.detect(), progress, image, target)
    text = f"{target.name} now has {image}." if copied else f"{target.name} already has {image}."
    progress.result({"host": target.name, "image": image, "copied": copied}, text)


@shared.command(app)
def agent(host: HostName = "", lab: Name = "") -> None:
    """Install the host agent on a host, with the dashboard at dashboard.localhost."""
    from nuwa.engine import Engine
    from nuwa.lab import agent as installer
    from nuwa.lab import hosts
    from nuwa.lab.model import Lab

    progress, engine = shared.progress(), Engine.detect()
    target = Lab(lab).find(host)
    installer.install(engine, progress, target)
    url = hosts.require(hosts.states(engine, target.lab), target).url(installer.DASHBOARD)
    token = engine.exec(target.container, "cat", "/etc/nuwa/token").stdout.strip()
    text = f"The dashboard: {url}?token={token}\nOn the host: nuwa lab exec {target.name} -- nuwa ls"
    progress.result({"host": target.name, "url": url, "token": token}, text)


def _host_and_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command line parser drops `--`, so a first word that looks like a host is one."""
    named = bool(words) and re.fullmatch(r"host\d+", words[0])
    host, rest = (words[0], list(words[1:])) if named else ("", list(words))
    command = rest[1:] if rest[:1] == ["--"] else rest
    if not command:
        raise UsageError("no command is given", hint="nuwa lab exec host1 -- podman ps")
    return host, command


def _show(progress: Progress, states: Sequence[HostState]) -> None:
    rows = [_row(state) for state in states]
    progress.result(
        {"hosts": [state.as_json() for state in states]},
        "\n".join(rows) if rows else "There is no lab. `nuwa lab up` creates one.",
    )


def _row(state: HostState) -> str:
    from nuwa.lab.model import HTTP, HTTPS

    reached = {"https": state.ports.get(HTTPS), "http": state.ports.get(HTTP)}
    ports = "  ".join(f"{scheme} 127.0.0.1:{port}" for scheme, port in reached.items() if port)
    return f"{state.host.name:<7} {state.state:<8} {ports}".rstrip()
