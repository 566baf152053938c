"""Checks of single values of the agent's configuration: allow-lists, as in `nuwa.manifest.checks`."""

from __future__ import annotations

import re

from nuwa.manifest import checks, commands
from nuwa.manifest.checks import Pattern, shown

CORE = ("ci", "dashboard", "router", "log")
"""Names of the host's own services; no process may take one."""

user = Pattern(r"[a-z_][a-z0-9_-]{0,31}", "the name of a user")
program = Pattern(
    r"(?:[./A-Za-z0-9][^\x00-\x1f\x7f]*/)?[A-Za-z0-9][A-Za-z0-9_.+-]*", "a program: a name or a path"
)
secret = Pattern(r"[!-~]{8,256}", "a token of 8 to 256 printable characters without spaces")
branch = Pattern(
    r"(?!-)(?!.*\.\.)(?!.*//)(?!.*@\{)[A-Za-z0-9._@#+-][A-Za-z0-9._/@#+-]{0,200}(?<![/.])",
    "the name of a branch",
)
repository = Pattern(
    r"(?:[A-Za-z0-9_.-]+/)+[A-Za-z0-9_.-]+", "a repository with its owner, such as owner/name"
)
mail_address = checks.email
host_name = Pattern(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?", "the name or address of a host")


channel_url = Pattern(
    r"[a-z][a-z0-9+.-]*://[!-~]{1,2000}", "the address of a channel, such as ntfys://ntfy.example.org/topic"
)


_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")


def hours(value: str) -> str:
    """A range of hours of a day."""
    found = _HOURS.fullmatch(value)
    if not found or found[1] == found[2]:
        raise ValueError(f"{shown(value)} is not a range of hours, such as 22:00-07:00")
    return value


def time_zone(value: str) -> str:
    """A time zone in this host's database."""
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError(f"{shown(value)} is not a time zone, such as Europe/Berlin") from None
    return value


def service_name(value: str) -> str:
    """A service's name: valid as an app's name, for units and folders, and not that of a built-in service."""
    if value in CORE:
        raise ValueError(
            f"{value!r} is the name of a built-in service ({', '.join(CORE)}); choose another name"
        )
    return checks.app_name(value)


def port(value: int) -> int:
    """A port that a process listens on."""
    if not 1 <= value <= 65535:
        raise ValueError(f"{value} is not a port from 1 to 65535")
    return value


_ROUTE = re.compile(r"(?P<host>\*|[^/:\s]+)(?P<path>(?:/.*)?)")


def route(value: str) -> str:
    """The source of a route: a host name or `*`, and a path: `www.example.com/shop`."""
    found = _ROUTE.fullmatch(value)
    if not found:
        raise ValueError(f"{shown(value)} is not a host and a path, such as www.example.com/ or */ci")
    host = found["host"] if found["host"] == "*" else checks.domain(found["host"])
    path = checks.url_path(found["path"] or "/")
    if any(mark in path for mark in ("//", "/../", "/./", "?")) or path.endswith(("/..", "/.")):
        raise ValueError(f"{shown(value)} is not a plain path")
    return host + (path.rstrip("/") or "/")


_TARGET = re.compile(r"([a-z][a-z0-9-]*)(?::([0-9]))?")


def target(value: int | str) -> int | str:
    """The target of a route: a port of this host, or a service (`web`, `web:1` for its second port)."""
    if isinstance(value, int):
        return port(value)
    if value.isdigit():
        return port(int(value))
    if not _TARGET.fullmatch(value):
        raise ValueError(f"{shown(value)} is neither a port nor a service, such as web or web:1")
    return value


def path(value: str) -> str:
    """A path of the host: absolute, or relative to the configuration's folder."""
    if not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError(f"{shown(value)} is not a path")
    return value


def lines(value: str | list[str | list[str]]) -> tuple[tuple[str, ...], ...]:
    """Command lines: a string with one per line, or a list of strings or word lists."""
    items = [line for line in value.splitlines() if line.strip()] if isinstance(value, str) else value
    return tuple(commands.command(item) for item in items)
