"""What the templates of nginx say: where requests go, and what this nginx can do."""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.manifest.site import Route
from nuwa.names import Names
from nuwa.render.view import View

WEBSOCKET_TIMEOUT_S = 3600
"""Seconds that a silent websocket stays open."""
CONNECTION_AGE_S = 1
"""Seconds that a connection to the app is kept in all; a switch waits for as long."""
KEEPALIVE_TIME = (1, 19, 10)
"""The first nginx that can limit that."""
KEPT_BY_DEFAULT = (1, 29, 7)
"""The first nginx that keeps connections to every upstream, for a minute."""


@dataclass(frozen=True)
class Way:
    """Where nginx passes the requests below a prefix on to."""

    prefix: str
    target: str
    stripped: str
    """What of the path the service does not see, for links that it makes; empty: it sees the whole path."""
    websocket: bool
    timeout: int


def _way(route: Route) -> Way:
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


@dataclass(frozen=True)
class SiteView(View):
    """An app's site on a host."""

    @property
    def upstream(self) -> str:
        """Where nginx finds the app: the slot's port where SELinux keeps nginx from sockets of containers."""
        return self.address if self.facts.selinux else f"unix:{self.app.names.current_socket}"

    @property
    def spare(self) -> str:
        """Where nginx finds the previous release while the new one is watched; empty where two cannot run."""
        if self.facts.selinux or self.excluded_units:
            return ""
        return f"unix:{self.app.names.spare_socket}"

    @property
    def static_folder(self) -> str:
        return f"{self.facts.directory}/volumes/static/current/"

    @property
    def former_static_folder(self) -> str:
        return f"{self.facts.directory}/volumes/static/former"

    @property
    def open_folders(self) -> tuple[tuple[str, str], ...]:
        """URL prefix and folder of each volume that nginx serves. SELinux keeps it from all of them."""
        if self.facts.selinux:
            return ()
        volumes = f"{self.facts.directory}/volumes"
        return tuple((volume.url, f"{volumes}/{volume.name}/") for volume in self.app.volume if volume.url)

    @property
    def challenge_folder(self) -> str:
        """What certbot takes for the root of the site over plain HTTP."""
        return f"{self.facts.directory}/volumes/.nuwa/acme"

    @property
    def canonical(self) -> str:
        """The domain that the others redirect to."""
        return self.facts.domains[0]

    @property
    def wildcards(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain.startswith("*."))

    @property
    def served(self) -> tuple[str, ...]:
        """Where the app itself answers: the canonical domain and what a wildcard covers."""
        return (self.canonical, *self.wildcards)

    @property
    def redirected(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain not in self.served)

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive of its own; before, it is a word of `listen`."""
        return self.has_http2 and self.facts.nginx >= (1, 25, 1)

    @property
    def listen_options(self) -> tuple[str, ...]:
        return ("ssl", "http2") if self.has_http2 and not self.http2_directive else ("ssl",)

    @property
    def has_http2(self) -> bool:
        return "http_v2_module" in self.facts.nginx_modules

    @property
    def http3(self) -> bool:
        return "http_v3_module" in self.facts.nginx_modules and self.facts.nginx >= (1, 25, 1)

    @property
    def compressions(self) -> tuple[str, ...]:
        """What this nginx can compress with, in addition to gzip."""
        return tuple(name for name in ("brotli", "zstd") if self._has_module(f"{name}_filter"))

    @property
    def precompressed(self) -> tuple[str, ...]:
        """The compressions for which nginx serves a precompressed file next to a static one."""
        return tuple(name for name in ("gzip", "brotli", "zstd") if self._has_module(f"{name}_static"))

    def _has_module(self, name: str) -> bool:
        return f"http_{name}_module" in self.facts.nginx_modules

    @property
    def keepalive(self) -> int:
        """Seconds that nginx keeps an idle connection to the app, and is the first to close it; 0: none."""
        if self.facts.selinux:
            return self.app.server.keepalive * 4 // 5
        # A kept connection still goes to the previous release after a switch, so it must not last.
        may_keep = self.facts.nginx >= KEEPALIVE_TIME and self.app.server.keepalive > 2 * CONNECTION_AGE_S
        return CONNECTION_AGE_S if may_keep else 0

    @property
    def keepalive_directives(self) -> tuple[str, ...]:
        """How long a connection is kept when it is idle; and in all, where it follows the link to a slot."""
        idle = ("keepalive_timeout",) if self.facts.nginx >= (1, 15, 3) else ()
        return idle if self.facts.selinux else (*idle, "keepalive_time")

    @property
    def must_refuse_keepalive(self) -> bool:
        """Whether this nginx keeps connections to the app though it asked for their end."""
        return not self.keepalive and self.facts.nginx >= KEPT_BY_DEFAULT

    @property
    def connection(self) -> str:
        """The Connection header of requests to the app."""
        return "" if self.keepalive else "close"

    @property
    def own_way(self) -> Way:
        """To the app itself. nginx waits a little longer than its own limit; for websockets long."""
        server = self.app.server
        timeout = WEBSOCKET_TIMEOUT_S if server.websocket else server.timeout + 5
        return Way("/", f"http://{self.app.names.upstream}", "", server.websocket, timeout)

    @property
    def routes(self) -> tuple[Way, ...]:
        """To other services of the host."""
        return tuple(_way(route) for route in self.app.route)

    @property
    def websocket(self) -> bool:
        return any(way.websocket for way in (self.own_way, *self.routes))
