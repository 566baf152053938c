"""Values in words, as the pages show them."""

from __future__ import annotations

import hashlib
import time
from functools import cache
from typing import Any

from nuwa.agent.schemas import Line, ServiceRow, Usage
from nuwa.humanize import age, plain, size
from nuwa.resources import TEMPLATES

STATIC = TEMPLATES / "dashboard/static"
SHOWN_LINES = 3
"""Lines of the log in a row."""
MAX_LINE_CHARS = 600
"""Characters of a line in a row."""

STATUS = {
    "running": ("play", "running", "good"),
    "starting": ("wait", "starting", "busy"),
    "stopping": ("wait", "stopping", "busy"),
    "stopped": ("skull", "stopped", "bad"),
    "unstarted": ("warning", "not started", "warn"),
}
"""Icon, words and tone of what a service does."""
HOOK = {
    "idle": ("dot", "no run yet", "calm"),
    "queued": ("wait", "queued", "busy"),
    "running": ("wait", "running", "busy"),
    "ok": ("tick", "ok", "good"),
    "failed": ("cross", "failed", "bad"),
    "cancelled": ("stop", "cancelled", "warn"),
    "timeout": ("clock", "timed out", "bad"),
}
CHECK = {
    "ok": ("tick", "ok", "good"),
    "warning": ("warning", "warning", "warn"),
    "failed": ("cross", "failed", "bad"),
    "unknown": ("dot", "unknown", "calm"),
}
HEALTH = {
    "healthy": ("tick", "healthy", "good"),
    "starting": ("wait", "starting", "busy"),
    "unhealthy": ("cross", "unhealthy", "bad"),
}
LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def age_class(since: float, now: float | None = None) -> str:
    """Newer is brighter: `now`, `young`, `today`, `old`."""
    seconds = (time.time() if now is None else now) - since
    return "now" if seconds < 60 else "young" if seconds < 3600 else "today" if seconds < 86400 else "old"


def ahead(end: float | None, now: float | None = None) -> str:
    """How far in the future: `61 days`."""
    if end is None:
        return ""
    days = (end - (time.time() if now is None else now)) / 86400
    if days < 0:
        return f"expired for {age(end, now)}"
    return f"{int(days)} days" if days >= 2 else f"{max(0, int(days * 24))} hours"


def certificate(end: float) -> tuple[str, str, str]:
    """What remains of a certificate, as a state: certbot renews thirty days before the end."""
    days = (end - time.time()) / 86400
    icon, tone = ("cross", "bad") if days < 3 else ("warning", "warn") if days < 21 else ("tick", "good")
    return icon, ahead(end), tone


def moment(when: float | None) -> str:
    """A time with its date, in UTC; the browser turns it into its own."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when)) if when is not None else ""


def clock(when: float, has_days: bool) -> str:
    """A time below a chart, in UTC; the browser turns it into its own."""
    return time.strftime("%d %b" if has_days else "%H:%M", time.gmtime(when))


def lasted(seconds: float | None) -> str:
    """A duration: `0.4 s`, `3 min 12 s`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def cores(value: float | None) -> str:
    """CPU time in use, in hundredths of a core."""
    return "–" if value is None else f"{value * 100:.0f}%" if value >= 0.1 or value == 0 else f"{value:.1%}"


def level(priority: int) -> str:
    """A priority of syslog as a tone; empty where a line is nothing special."""
    return "bad" if priority <= 3 else "warn" if priority == 4 else "dim" if priority == 7 else ""


def gauges(usage: Usage) -> list[tuple[str, str, str]]:
    """What a row's four small cells say: key, title, value."""
    net, disk = usage["net"], usage["disk"]
    return [
        ("cpu", "cpu", cores(usage["cpu"])),
        ("memory", "RAM", size(usage["memory"]) or "–"),
        ("net", "net", size(net and net["incoming"] + net["outgoing"]) or "–"),
        ("disk", "disk", size(disk and disk["read"] + disk["written"]) or "–"),
    ]


def numbers(usage: Usage) -> list[float | None]:
    """The same for charts."""
    net, disk = usage["net"], usage["disk"]
    return [
        usage["cpu"],
        usage["memory"],
        None if net is None else net["incoming"] + net["outgoing"],
        None if disk is None else disk["read"] + disk["written"],
    ]


def last_lines(row: ServiceRow) -> list[Line]:
    """The lines that a row shows, the newest first."""
    return row["last"][-SHOWN_LINES:][::-1]


def verbs(row: ServiceRow) -> list[str]:
    """What can be done with a service now."""
    return ["restart", "stop"] if row["status"] in ("running", "starting") else ["start"]


@cache
def asset(name: str) -> str:
    """A static file's path, with what it holds in its name for caches."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{digest}/{name}"


def _state(table: dict[str, tuple[str, str, str]], key: Any) -> tuple[str, str, str]:
    return table.get(str(key), ("dot", str(key), "calm"))


FILTERS = {
    "plain": plain,
    "age": age,
    "age_class": age_class,
    "ahead": ahead,
    "certificate": certificate,
    "moment": moment,
    "clock": clock,
    "lasted": lasted,
    "size": size,
    "level": level,
    "gauges": gauges,
    "last_lines": last_lines,
    "verbs": verbs,
    "status": lambda key: _state(STATUS, key),
    "hook": lambda key: _state(HOOK, key),
    "health": lambda key: _state(HEALTH, key),
    "check": lambda key: _state(CHECK, key),
}
GLOBALS = {"asset": asset, "LEVELS": LEVELS, "LONGEST_LINE": MAX_LINE_CHARS}
