"""The locations of a site: which path is answered by what, and what holds there.

nginx takes some settings of a location from outside only where it has none of its own (`add_header` is one).
So each location is given all that holds for its path, worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from nuwa.manifest.model import App
from nuwa.manifest.site import PathRule, Protect, Route
from nuwa.names import Names

WEBSOCKET_TIMEOUT_S = 3600
"""Seconds that a silent websocket stays open."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Limit:
    """How many requests of one client nginx lets through.

    Args:
        zone: what counts them.
        rate: as nginx writes it.
    """

    zone: str
    rate: str
    burst: int


@dataclass(frozen=True)
class Settings:
    """What `[site]`, `[[path]]` and `[[protect]]` say of a path.

    Args:
        headers: all of them; only where they differ from those of the site, `own_headers` is true.
        limit: for what the app or a service answers.
        file_limit: for files, which the site's rate does not count.
    """

    max_body: Optional[int]
    timeout: Optional[int]
    headers: Headers
    own_headers: bool
    limit: Optional[Limit]
    file_limit: Optional[Limit]
    protect: Optional[Protect]


@dataclass(frozen=True)
class Way:
    """Where nginx passes the requests below a prefix on to."""

    prefix: str
    target: str
    stripped: str
    """What of the path the service does not see, for links that it makes; empty: it sees the whole path."""
    websocket: bool
    timeout: int


@dataclass(frozen=True)
class Place:
    """One location of nginx.

    Args:
        words: what stands behind `location`.
        rest: what of the path is below the prefix of what answers.
    """

    words: tuple[str, ...]
    rest: str
    settings: Settings


def places(app: App, prefix: str) -> tuple[Place, ...]:
    """The location of what answers below a prefix, and one or two for each `[[path]]` in it, which are for
    the path itself and for those below it."""
    first = Place((prefix,) if prefix == "/" else ("^~", prefix), "", settings(app, prefix))
    return (first, *(place for path in paths(app) for place in _pair(app, prefix, path)))


def _pair(app: App, prefix: str, path: str) -> Iterator[Place]:
    """What this prefix answers of a path with settings of its own, and no longer one.

    nginx itself sends a client from a route without its last slash to the route.
    """
    below = f"{path}/"
    found, rest = settings(app, below), path[len(prefix) :]
    elsewhere = ["/", *(route.path for route in app.route)]
    moved = [redirect.path for redirect in app.redirect]
    if _owner(app, path) == prefix and below not in elsewhere and path not in (*elsewhere, *moved):
        yield Place(("=", path), rest, found)
    if _owner(app, below) == prefix and path != "/" and below != prefix:
        yield Place(("^~", below), f"{rest}/", found)


def _owner(app: App, path: str) -> str:
    """The longest prefix that answers a path."""
    return max((prefix for prefix in answered(app) if path.startswith(prefix)), key=len)


def paths(app: App) -> tuple[str, ...]:
    """Every path that has settings of its own, each once."""
    found = (*(rule.path for rule in app.path), *(one.path for one in app.protect))
    return tuple(dict.fromkeys(found))


def answered(app: App) -> tuple[str, ...]:
    """Every prefix that something answers. A redirect without a slash last answers that path alone."""
    served = (volume.url for volume in app.volume if volume.url)
    static = (app.static.url,) if app.static else ()
    moved = (one.path for one in app.redirect if not one.domain and one.path.endswith("/"))
    return ("/", *static, *served, *(route.path for route in app.route), *moved)


def settings(app: App, path: str) -> Settings:
    """What holds for a path: for each key, the word of the deepest `[[path]]` around it."""
    around = sorted((rule for rule in app.path if covers(rule.path, path)), key=lambda rule: len(rule.path))
    site = merged(app.site.headers)
    headers = merged(app.site.headers, *(rule.headers for rule in around))
    bodies = [rule.max_body for rule in around if rule.max_body is not None]
    limits = [_path_limit(app, rule) for rule in around if rule.rate]
    guards = [one for one in app.protect if covers(one.path, path)]
    timeouts = [rule.timeout for rule in around if rule.timeout is not None]
    return Settings(
        max_body=bodies[-1] if bodies else None,
        timeout=timeouts[-1] if timeouts else None,
        headers=headers,
        own_headers=headers != site,
        limit=limits[-1] if limits else _site_limit(app),
        file_limit=limits[-1] if limits else None,
        protect=max(guards, key=lambda one: len(one.path), default=None),
    )


def limits(app: App) -> tuple[Limit, ...]:
    """Everything that counts requests."""
    site = _site_limit(app)
    found = (_path_limit(app, rule) for rule in app.path if rule.rate)
    return (*([site] if site else []), *found)


def _site_limit(app: App) -> Optional[Limit]:
    return _limit(app, "rate", app.site.rate, app.site.burst) if app.site.rate else None


def _path_limit(app: App, rule: PathRule) -> Limit:
    return _limit(app, f"rate_{app.path.index(rule)}", rule.rate, rule.burst)


def _limit(app: App, what: str, rate: str, burst: Optional[int]) -> Limit:
    number, _, unit = rate.partition("/")
    return Limit(app.names.nginx_variable(what), f"{number}r/{unit}", int(number) if burst is None else burst)


def covers(rule: str, path: str) -> bool:
    """Whether a path is that of a rule, or below it."""
    return rule == "/" or f"{path.partition('?')[0].rstrip('/')}/".startswith(f"{rule}/")


def merged(*tables: dict[str, str]) -> Headers:
    """Headers of several tables, the later ones in place of the earlier; their names have no case."""
    found: dict[str, tuple[str, str]] = {}
    for table in tables:
        found.update({name.lower(): (name, value) for name, value in table.items()})
    return tuple(found.values())


def to_service(way: Way, place: Place) -> Way:
    """The way that requests of a location take."""
    timeout = way.timeout if place.settings.timeout is None else place.settings.timeout
    target = way.target + place.rest if way.stripped else way.target
    return Way(way.prefix, target, way.stripped, way.websocket, timeout)


def route_way(route: Route) -> Way:
    """The way to another service of the host."""
    kind, _, name = route.to.partition(":")
    if kind == "app":
        target = f"http://{Names(name).upstream}"
    elif kind == "unix":
        target = f"http://{route.to}" + (":" if route.strip else "")
    else:
        target = route.to
    timeout = WEBSOCKET_TIMEOUT_S if route.websocket else route.timeout
    stripped = route.path.rstrip("/") if route.strip else ""
    return Way(route.path, target + ("/" if route.strip else ""), stripped, route.websocket, timeout)
