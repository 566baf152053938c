"""`nuwa ls`: the services of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nuwa.cli import host_services, shared, terminal
from nuwa.humanize import age, plain, size

if TYPE_CHECKING:
    from nuwa.agent.schemas import Hook, ServiceRow

app = shared.new_app()

_SIGNS = {
    "running": ("●", "green"),
    "starting": ("◐", "yellow"),
    "stopping": ("◑", "yellow"),
    "stopped": ("☠", "red"),
    "unstarted": ("⚠", "yellow"),
}


@shared.command(app)
def ls() -> None:
    """Show the services of this host: state, process, ports, age, memory. Works without the agent too."""
    found, by_agent = host_services.listing()
    progress = shared.progress()
    if not by_agent:
        progress.note("The agent is down; this is what systemd reports.")
    elif found["revision"] != found["applied"]:
        progress.note("config.json has changed since it was applied. To apply it: nuwa config apply")
    text = terminal.table(*_table(found["ps"]))
    hooks = "\n".join(_hook(hook) for hook in found["hooks"])
    progress.result({**found}, f"{text}\n\n{hooks}" if hooks else text)


def _table(rows: list[ServiceRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows, with a column of images if there are any."""
    head = (
        "NAME",
        "STATUS",
        "PID",
        "PORTS",
        "SINCE",
        "RESTARTS",
        "CPU",
        "MEMORY",
        "IMAGE",
        "HOOK",
        "LAST LINE",
    )
    images = [_image(row) for row in rows]
    shown = [_row(row, image) for row, image in zip(rows, images, strict=True)]
    if any(images):
        return head, shown
    at = head.index("IMAGE")
    return (*head[:at], *head[at + 1 :]), [(*row[:at], *row[at + 1 :]) for row in shown]


def _image(row: ServiceRow) -> str:
    """Age and size of the image that a deployment's container runs."""
    container = row.get("container")
    if not container or not container["image_created"]:
        return ""
    return f"{age(container['image_created'])} {size(container['image_size'])}".rstrip()


def _row(row: ServiceRow, image: str) -> tuple[str, ...]:
    sign, colour = _SIGNS[row["status"]]
    status = f"{sign} {row['status']}" + (f" ({row['result']})" if row["result"] else "")
    container = row.get("container")
    if container and container["health"] not in ("", "healthy"):
        status += f" ({container['health']} {age(container['health_since'])})"
    usage, last = row["usage"], row["last"]
    cpu = "" if usage["cpu"] is None else f"{usage['cpu'] * 100:.0f}%"
    line = f"{age(last[-1]['time'])} {plain(last[-1]['text'])[:60]}" if last else ""
    return (
        terminal.paint(row["name"], "bold"),
        terminal.paint(status, colour),
        str(row["pid"] or ""),
        " ".join(map(str, row["ports"])),
        age(row["since"]),
        str(row["restarts"] or ""),
        cpu,
        size(usage["memory"]),
        image,
        row["hook"] or "",
        terminal.paint(line, "dim"),
    )


def _hook(hook: Hook) -> str:
    colour = {"ok": "green", "idle": "dim", "queued": "yellow", "running": "yellow"}.get(hook["state"], "red")
    waiting = f", {hook['queued']} waiting" if hook["queued"] else ""
    when = f" {age(hook['started'])} ago" if hook["started"] else ""
    state = terminal.paint(hook["state"], colour)
    return (
        f"hook {terminal.paint(hook['name'], 'bold')}: {state}{when}{waiting} {hook['commit'][:12]}".rstrip()
    )
