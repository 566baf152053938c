"""`nuwa monitor`: checks and alerts."""

from __future__ import annotations

import time
from typing import Any

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import age, plain

app = shared.new_app()

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "dim"}


@shared.command(app)
def monitor() -> None:
    """Show the checks of this host with their states, and the last alerts with the actions taken."""
    from nuwa.agent.client import AgentDown

    progress = shared.progress()
    try:
        found = host_services.client().ask("GET", "/monitor")
    except AgentDown:
        progress.note("The agent is down, so nothing is being checked. Last known state:")
        found = _remembered()
    rows = [
        (
            terminal.paint(check["state"], _COLOURS[check["state"]]),
            check["name"],
            age(check["since"]),
            plain(check["message"])[:100],
        )
        for check in found["checks"]
    ]
    parts = [terminal.table(("STATE", "CHECK", "FOR", ""), rows)]
    if found["alerts"]:
        parts += ["", *(_alert(alert) for alert in reversed(found["alerts"][:20]))]
    progress.result(found, "\n".join(parts))


def _remembered() -> dict[str, Any]:
    from nuwa.agent.database import Database
    from nuwa.agent.monitor.state_store import States
    from nuwa.agent.paths import host_paths

    states = States(Database(host_paths().database))
    return {"checks": states.checks(), "alerts": states.alerts(), "channels": []}


def _alert(alert: Any) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(alert["time"]))
    state = terminal.paint(alert["state"], _COLOURS[alert["state"]])
    todo = "".join(f" → {plain(alert[key])}" for key in ("action", "advice") if alert[key])
    return f"{when}  {state} {alert['check']}: {plain(alert['message'])}{todo}"
