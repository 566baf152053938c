"""The text of a message to a channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from nuwa.agent.monitor import quiet_hours
from nuwa.agent.schemas import Alert

MAX_LINES = 20
MAX_CHARS = 1800
"""Characters of the alerts in a message: Discord takes 2000."""
_MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}
_KINDS = {"ok": "success", "warning": "warning", "failed": "failure"}


def compose(alerts: Sequence[Alert], host: str, zone: str = "", dropped: int = 0) -> tuple[str, str, str]:
    """Title, text and kind of a message.

    Only the newest state of each check is included: a failure that recovered meanwhile is one line.

    Args:
        alerts: the oldest first.
        zone: of the times; empty: the host's own.
        dropped: alerts that were left out before.
    """
    newest: dict[str, Alert] = {}
    counts: dict[str, int] = {}
    for alert in alerts:
        newest.pop(alert["check"], None)
        newest[alert["check"]] = alert
        counts[alert["check"]] = counts.get(alert["check"], 0) + 1
    order = {"failed": 0, "warning": 1, "ok": 2}
    shown = sorted(newest.values(), key=lambda alert: order.get(alert["state"], 1))
    first, more = shown[0], len(shown) - 1
    title = f"{host}: {first['check']} {_word(first)}" + (f" and {more} more" if more else "")
    lines = list(_fitting(_lines(alert, counts[alert["check"]], zone) for alert in shown[:MAX_LINES]))
    text = "\n".join(lines)
    if left_out := dropped + len(shown) - len(lines):
        text += f"\n{left_out} more are not included: nuwa monitor shows them"
    return title.replace("\n", " ")[:200], text, _KINDS.get(first["state"], "info")


def _fitting(lines: Iterable[str]) -> Iterator[str]:
    """The first lines, as many as a message holds; the very first is cut where it is too long by itself."""
    room = MAX_CHARS
    for number, line in enumerate(lines):
        if number and len(line) > room:
            return
        yield line[:room]
        room -= len(line) + 1


def _word(alert: Alert) -> str:
    return "is well" if alert["state"] == "ok" else alert["state"]


def _lines(alert: Alert, count: int, zone: str) -> str:
    moment = datetime.fromtimestamp(alert["time"], quiet_hours.zone_of(zone))
    often = f" ({count} changes)" if count > 1 else ""
    mark = _MARKS.get(alert["state"], "?")
    head = f"{mark} {moment:%H:%M} {alert['check']}: {alert['message']}{often}"
    tail = [f"  → {text}" for text in (alert["action"], alert["advice"]) if text]
    return "\n".join([head, *tail])
