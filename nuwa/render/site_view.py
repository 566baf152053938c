"""Values for the templates of nginx: where requests go, and what this nginx supports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from nuwa.manifest.cdn import CDNS
from nuwa.manifest.model import App
from nuwa.manifest.site import Redirect
from nuwa.render import locations, own_lines
from nuwa.render.facts import Facts, FactsError
from nuwa.render.locations import Headers, Limit, Place, Way
from nuwa.render.view import View

CONNECTION_AGE_MS = 200
"""How long a connection to the app takes requests, and may then be idle: a switch waits for both."""
KEEPALIVE_TIME = (1, 19, 10)
"""The first version of nginx that can limit the age of connections."""
KEPT_BY_DEFAULT = (1, 29, 7)
"""The first version of nginx that keeps connections to every upstream, for a minute."""


@dataclass(frozen=True)
class Move:
    """The response of a redirect.

    Args:
        words: the arguments of `location`, or the name of a server.
        target: the destination, without the address if it is on this site.
        pattern: matches the prefix before the part of the path that is kept; empty: nothing is kept.
        keeps_query: whether the request's query is appended.
    """

    words: tuple[str, ...]
    target: str
    own: bool
    pattern: str
    keeps_query: bool
    status: int


@dataclass(frozen=True)
class SiteView(View):
    """An app's site on a host."""

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The addresses of the app for nginx: ports of the slot if SELinux denies nginx access to sockets."""
        count = self.app.server.replicas
        if self.facts.selinux:
            return tuple(f"127.0.0.1:{own.port}" for own in self.facts.of_replicas(count))
        links = (self.app.names.replica_socket(number) for number in range(1, count + 1))
        return tuple(f"unix:{link}" for link in links)

    @property
    def spare(self) -> str:
        """The address of the previous release while the new one is watched; empty if only one can run."""
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
        """URL prefix and folder of each volume that nginx serves; none with SELinux, which denies access."""
        if self.facts.selinux:
            return ()
        volumes = f"{self.facts.directory}/volumes"
        return tuple((volume.url, f"{volumes}/{volume.name}/") for volume in self.app.volume if volume.url)

    @property
    def challenge_folder(self) -> str:
        """The webroot for certbot over plain HTTP."""
        return f"{self.facts.directory}/volumes/.nuwa/acme"

    def own_lines(self, forwarded: str) -> str:
        """nginx directives that the project provides.

        Args:
            forwarded: the lines with which nginx describes a request to a server, for its own locations too.
        """
        try:
            return own_lines.checked(self.facts.own_lines, self.app.names.upstream, forwarded)
        except own_lines.OwnLinesError as error:
            raise FactsError(f"site.include: {self.app.site.include}: {error}") from None

    @property
    def maintenance_folder(self) -> str:
        """The folder with bin/maintenance's page, and with the files that tell whether it is shown."""
        return f"{self.facts.directory}/volumes/.nuwa/maintenance"

    @property
    def canonical(self) -> str:
        """The domain that the others redirect to."""
        return self.facts.domains[0]

    @property
    def wildcards(self) -> tuple[str, ...]:
        return tuple(domain for domain in self.facts.domains if domain.startswith("*."))

    @property
    def served(self) -> tuple[str, ...]:
        """The domains that the app itself serves: the canonical domain, and wildcards."""
        return (self.canonical, *self.wildcards)

    @property
    def redirected(self) -> tuple[str, ...]:
        moved = [move.words[0] for move in self.moved_domains]
        return tuple(domain for domain in self.facts.domains if domain not in (*self.served, *moved))

    @property
    def http2_directive(self) -> bool:
        """nginx 1.25.1 made HTTP/2 a directive; before, it was a parameter of `listen`."""
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
        """What this nginx can compress with, besides gzip."""
        return tuple(name for name in ("brotli", "zstd") if self._has_module(f"{name}_filter"))

    @property
    def precompressed(self) -> tuple[str, ...]:
        """The compressions for which nginx serves a precompressed file next to a static one."""
        return tuple(name for name in ("gzip", "brotli", "zstd") if self._has_module(f"{name}_static"))

    def _has_module(self, name: str) -> bool:
        return f"http_{name}_module" in self.facts.nginx_modules

    @property
    def keepalive(self) -> int:
        """Milliseconds for which nginx keeps an idle connection, closing it before the app does; 0: none."""
        kept_ms = self.app.server.keepalive * 1000
        if self.facts.selinux:
            return kept_ms * 4 // 5
        # A kept connection still goes to the previous release after a switch, so it must be short-lived.
        may_keep = self.facts.nginx >= KEEPALIVE_TIME and kept_ms > 2 * CONNECTION_AGE_MS
        return CONNECTION_AGE_MS if may_keep else 0

    @property
    def keepalive_directives(self) -> tuple[str, ...]:
        """Limits of a connection's idle time; and of its total time if it uses the link to a slot."""
        idle = ("keepalive_timeout",) if self.facts.nginx >= (1, 15, 3) else ()
        return idle if self.facts.selinux else (*idle, "keepalive_time")

    @property
    def must_refuse_keepalive(self) -> bool:
        """Whether this nginx keeps connections to the app even if it asked to close them."""
        return not self.keepalive and self.facts.nginx >= KEPT_BY_DEFAULT

    @property
    def connection(self) -> str:
        """The Connection header of requests to the app."""
        return "" if self.keepalive else "close"

    @property
    def own_way(self) -> Way:
        """The target for the app. nginx waits a little longer than the app's limit; long for websockets."""
        server = self.app.server
        timeout = locations.WEBSOCKET_TIMEOUT_S if server.websocket else server.timeout + 5
        return Way("/", f"http://{self.app.names.upstream}", "", server.websocket, timeout)

    @property
    def own_places(self) -> tuple[tuple[Place, Way], ...]:
        """The locations that the app itself answers."""
        return self._places(self.own_way)

    @property
    def routes(self) -> tuple[tuple[Place, Way], ...]:
        """The locations that other services of the host answer."""
        ways = (locations.route_way(route) for route in self.app.route)
        return tuple(pair for way in ways for pair in self._places(way))

    def _places(self, way: Way) -> tuple[tuple[Place, Way], ...]:
        found = locations.places(self.app, way.prefix)
        return tuple((place, locations.to_service(way, place)) for place in found)

    def places(self, prefix: str) -> tuple[Place, ...]:
        """The locations of files below a prefix."""
        return locations.places(self.app, prefix)

    @property
    def websocket(self) -> bool:
        routes = (locations.route_way(route) for route in self.app.route)
        return any(way.websocket for way in (self.own_way, *routes))

    # --- access and rates ----------------------------------------------------------------------------------

    @property
    def limits(self) -> tuple[Limit, ...]:
        return locations.limits(self.app)

    def users_file(self, secret: str) -> str:
        """Where bin/install keeps the hashed passwords of a secret's users."""
        return f"{self.facts.directory}/volumes/.nuwa/users/{secret}"

    # --- headers -----------------------------------------------------------------------------------------

    @property
    def site_headers(self) -> Headers:
        return locations.merged(self.app.site.headers)

    @staticmethod
    def sets(headers: Headers, name: str) -> bool:
        """Whether a header is among these, so that nuwa's default for it is not used."""
        return any(name.lower() == given.lower() for given, _ in headers)

    # --- redirects ----------------------------------------------------------------------------------------

    @property
    def moved_domains(self) -> tuple[Move, ...]:
        """The domains of the site that are redirected elsewhere as a whole."""
        return tuple(
            _move(redirect, (redirect.domain,), "/")
            for redirect in self.app.redirect
            if redirect.domain in self.facts.domains and redirect.domain not in self.served
        )

    @property
    def moved_paths(self) -> tuple[Move, ...]:
        found = (redirect for redirect in self.app.redirect if not redirect.domain)
        return tuple(_move(each, _words(each.path), each.path) for each in found)

    # --- proxies in front ---------------------------------------------------------------------------------

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and ranges; those of CDNs as this host knows them, or else as of this release."""
        if self.app.site.trusted_proxies and "http_realip_module" not in self.facts.nginx_modules:
            raise FactsError(
                "site.trusted_proxies: this host's nginx has no http_realip_module. Install the "
                "distribution's own nginx, or remove trusted_proxies"
            )
        found: dict[str, None] = {}
        for name in self.app.site.trusted_proxies:
            found.update(dict.fromkeys(_ranges(name, self.facts)))
        return tuple(found)

    @property
    def client_header(self) -> str:
        """The header in which the proxies send the client's address."""
        given = self.app.site.trusted_proxies
        only = CDNS[given[0]].header if len(given) == 1 and given[0] in CDNS else "X-Forwarded-For"
        return self.app.site.client_address_header or only

    @property
    def advertises_http3(self) -> bool:
        """Behind a proxy, clients would be directed to the proxy's port."""
        return self.http3 and not self.app.site.trusted_proxies


def site_warnings(app: App, facts: Facts) -> list[str]:
    """Settings for nginx that this host cannot apply yet: reported, never ignored silently."""
    return [
        f"site.trusted_proxies: {name}: its addresses are not known yet, so it is not trusted: "
        "bin/install --refresh-proxies fetches them"
        for name in app.site.trusted_proxies
        if not _ranges(name, facts)
    ]


def _ranges(proxy: str, facts: Facts) -> Sequence[str]:
    """The addresses and ranges of one of the `trusted_proxies`; empty for a CDN without known ones."""
    known: Optional[Sequence[str]] = facts.proxies.get(proxy)
    return known or (CDNS[proxy].ranges if proxy in CDNS else (proxy,))


def _words(path: str) -> tuple[str, ...]:
    return ("^~", path) if path.endswith("/") else ("=", path)


def _move(redirect: Redirect, words: tuple[str, ...], path: str) -> Move:
    keeps_rest = path.endswith("/") and redirect.to.endswith("/")
    return Move(
        words=words,
        target=redirect.to,
        own=redirect.to.startswith("/"),
        pattern=path if keeps_rest else "",
        keeps_query="?" not in redirect.to,
        status=redirect.status,
    )
