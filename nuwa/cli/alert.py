"""`nuwa alert`: where alerts are sent."""

from __future__ import annotations

from typing import Annotated

import typer

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import plain

app = shared.new_app(help="Channels that alerts are sent to: `monitor.channels` in the configuration.")


@shared.command(app, name="list")
def list_() -> None:
    """Show every channel: how many alerts wait for it, and whether the last message could be sent."""
    channels = host_services.client().ask("GET", "/monitor")["channels"]
    rows = [
        (
            terminal.paint(item["name"], "bold"),
            str(item["waiting"]),
            terminal.paint(plain(item["fault"]), "red") if item["fault"] else "ok",
        )
        for item in channels
    ]
    text = terminal.table(("NAME", "WAITING", "STATE"), rows) if rows else "No channel is configured."
    shared.progress().result({"channels": channels}, text)


@shared.command(app)
def test(
    name: Annotated[str, typer.Argument(metavar="CHANNEL", help="Name of the channel.", show_default=False)],
) -> None:
    """Send a test message through a channel now, even in quiet hours, and show whether it was accepted."""
    from urllib.parse import quote

    done = host_services.client().ask("POST", f"/alert/{quote(name, safe='')}/test")
    shared.progress().result(done, f"A test message was sent over {name}.")
