"""The locations of a site: what answers each path, and which settings apply to it.

A location of nginx inherits some settings only if it sets none of the kind itself (`add_header` is one).
So each location gets all settings for its path, computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from nuwa.manifest.model import App
from nuwa.manifest.site import PathRule, Protect, Route
from nuwa.names import Names

WEBSOCKET_TIMEOUT_S = 3600
"""Seconds for which an idle websocket stays open."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Limit:
    """The rate at which nginx accepts requests of one client.

    Args:
        zone: the zone that counts them.
        rate: in nginx's notation.
    """

    zone: str
    rate: str
    burst: int


@dataclass(frozen=True)
class Settings:
    """The settings of `[site]`, `[[path]]` and `[[protect]]` for a path.

    Args:
        headers: all headers; `own_headers` is true only if they differ from those of the site.
        limit: for requests that the app or a service answers.
        file_limit: for files, to which the site's rate does not apply.
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
    """The target to which nginx passes requests below a prefix."""

    prefix: str
    target: str
    stripped: str
    """The part of the path that the service does not see, for links that it creates; empty: none."""
    websocket: bool
    timeout: int


@dataclass(frozen=True)
class Place:
    """One location of nginx.

    Args:
        words: the arguments of `location`.
        rest: the path relative to the prefix that it belongs to.
    """

    words: tuple[str, ...]
    rest: str
    settings: Settings


def places(app: App, prefix: str) -> tuple[Place, ...]:
    """The location of a prefix, and for each `[[path]]` below it one or two locations: for the path itself
    and for the paths below it."""
    first = Place((prefix,) if prefix == "/" else ("^~", prefix), "", settings(app, prefix))
    return (first, *(place for path in paths(app) for place in _pair(app, prefix, path)))


def _pair(app: App, prefix: str, path: str) -> Iterator[Place]:
    """The locations of a path with settings of its own, as far as this prefix and no longer one answers it.

    nginx itself redirects clients from a route without its trailing slash to the route.
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
    """The longest prefix that applies to a path."""
    return max((prefix for prefix in answered(app) if path.startswith(prefix)), key=len)


def paths(app: App) -> tuple[str, ...]:
    """All paths with settings of their own, without duplicates."""
    found = (*(rule.path for rule in app.path), *(one.path for one in app.protect))
    return tuple(dict.fromkeys(found))


def answered(app: App) -> tuple[str, ...]:
    """All prefixes that are answered. A redirect without a trailing slash applies only to its exact path."""
    served = (volume.url for volume in app.volume if volume.url)
    static = (app.static.url,) if app.static else ()
    moved = (one.path for one in app.redirect if not one.domain and one.path.endswith("/"))
    return ("/", *static, *served, *(route.path for route in app.route), *moved)


def settings(app: App, path: str) -> Settings:
    """The settings of a path: for each key, the value of the deepest `[[path]]` that contains the path."""
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
    """All request rate limits."""
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
    """Whether a path is equal to that of a rule, or below it."""
    return rule == "/" or f"{path.partition('?')[0].rstrip('/')}/".startswith(f"{rule}/")


def merged(*tables: dict[str, str]) -> Headers:
    """Headers of several tables, where later ones replace earlier ones; names are case-insensitive."""
    found: dict[str, tuple[str, str]] = {}
    for table in tables:
        found.update({name.lower(): (name, value) for name, value in table.items()})
    return tuple(found.values())


def to_service(way: Way, place: Place) -> Way:
    """The target for the requests of a location."""
    timeout = way.timeout if place.settings.timeout is None else place.settings.timeout
    target = way.target + place.rest if way.stripped else way.target
    return Way(way.prefix, target, way.stripped, way.websocket, timeout)


def route_way(route: Route) -> Way:
    """The target for a route to another service of the host."""
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
