"""The site of an app in the model of `nuwa.toml`: what nginx does for it on the host.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, Optional

from nuwa.manifest import checks, site_checks
from nuwa.manifest.marks import (
    Between,
    Check,
    Commands,
    Doc,
    HostPath,
    RelativePath,
    Seconds,
    Section,
    Size,
)

Headers = dict[
    Annotated[str, Check(site_checks.header_name)], Annotated[str, Check(site_checks.header_value)]
]


@dataclass(frozen=True)
class Site(Section):
    """What nginx does for the whole site."""

    trusted_proxies: Annotated[
        tuple[Annotated[str, Check(site_checks.trusted_proxy)], ...],
        Doc(
            "Proxies in front of this host: addresses, ranges, or the CDNs cloudflare, fastly and "
            "cloudfront. Only their headers with the client's address and with the scheme "
            "are trusted."
        ),
    ] = ()
    client_address_header: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.request_header)),
        Doc(
            "Header in which they send the client's address; empty: CF-Connecting-IP "
            "where the only one is cloudflare, else X-Forwarded-For."
        ),
    ] = ""
    rate: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.rate)),
        Doc(
            "Requests that one client may make of the app and of routes, such as 10/s or 100/m; more get "
            "429. Empty: as many as it likes. A client is an address, or a /64 network of IPv6."
        ),
    ] = ""
    burst: Annotated[
        Optional[int],
        Between(0, 100_000),
        Doc("Requests beyond that rate that a client may make at once; none: as many as the rate's number."),
    ] = None
    headers: Annotated[
        Headers,
        Doc("Headers of every response, in place of the app's own; an empty value takes the header out."),
    ] = field(default_factory=dict)
    include: Annotated[
        str,
        Check(checks.OrEmpty(checks.relative_path)),
        Doc(
            "File in the project with nginx directives for the site's server block, for settings that no key "
            "covers; the guide lists the directives that are allowed."
        ),
    ] = ""


@dataclass(frozen=True)
class PathRule(Section):
    """What holds for a path of the site and all below it; for a deeper path, keys of its own win."""

    path: Annotated[
        str, Check(site_checks.site_path), Doc("Path, such as /upload: this one and those below it.")
    ]
    max_body: Annotated[Optional[Size], Doc("Largest request body there; none: server.max_body.")] = None
    timeout: Annotated[
        Optional[Seconds],
        Doc("Seconds that nginx waits for an answer there; none: server.timeout and 5 more."),
    ] = None
    rate: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.rate)),
        Doc("Requests that one client may make there, in place of site.rate; empty: as the site says."),
    ] = ""
    burst: Annotated[Optional[int], Between(0, 100_000), Doc("As site.burst, for this rate.")] = None
    headers: Annotated[
        Headers, Doc("Headers of every response there, added to those of [site] or in their place.")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Protect(Section):
    """Who may ask for a path and all below it. For a deeper path, a [[protect]] of its own holds alone."""

    path: Annotated[str, Check(site_checks.site_path), Doc("Path, such as /admin; / is the whole site.")] = (
        "/"
    )
    users_secret: Annotated[
        str,
        Check(checks.OrEmpty(checks.variable_name)),
        Doc(
            "Name of the secret with the users, name:password, one per line. It stays on the host, out of "
            "the app's reach. Empty: no password is asked for."
        ),
    ] = ""
    allow: Annotated[
        tuple[Annotated[str, Check(site_checks.network)], ...],
        Doc("Addresses and ranges of clients that may ask; empty: any."),
    ] = ()
    require: Annotated[
        Literal["any", "all"],
        Doc("With both keys. any: one of these addresses needs no password; all: it needs one, too."),
    ] = "any"


@dataclass(frozen=True)
class Redirect(Section):
    """Where a path, or a domain, has moved to."""

    source: Annotated[
        str,
        Check(site_checks.redirect_source),
        Doc(
            "What has moved: a path, /old that one alone, /old/ also all below it; or one of the app's "
            "domains as a whole."
        ),
    ]
    to: Annotated[
        str,
        Check(site_checks.redirect_target),
        Doc(
            "Path of this site, or an address. If it ends with a slash, and source is a domain or does so "
            "too, the rest of a path is kept."
        ),
    ]
    status: Annotated[
        Literal[301, 302, 307, 308],
        Doc("301, 308: permanently; 302, 307: for now. 307 and 308 keep the method and body of a request."),
    ] = 301

    @property
    def path(self) -> str:
        """What has moved as a path; of a domain, all."""
        return self.source if self.source.startswith("/") else "/"

    @property
    def domain(self) -> str:
        """The domain that has moved; empty: a path."""
        return "" if self.source.startswith("/") else self.source


@dataclass(frozen=True)
class Static(Section):
    """Files that nginx serves straight from the host's disk."""

    directory: Annotated[RelativePath, Doc("Folder in the project that holds them (after collecting).")]
    url: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which they are served.")] = "/static/"
    collect: Annotated[
        Commands, Doc("Command that collects them, or a list of commands; run once, at build, as the app.")
    ] = ()


@dataclass(frozen=True)
class Route(Section):
    """Another service of the host, reached below a path of the site."""

    path: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which it is reached.")]
    to: Annotated[
        str,
        Check(checks.route_target),
        Doc("Where it listens: http://127.0.0.1:PORT, unix:/path/of.sock, or app:NAME, an app on this host."),
    ]
    strip: Annotated[bool, Doc("Strip the prefix from the path before the service sees it.")] = False
    websocket: Annotated[bool, Doc("Pass websocket upgrades through nginx.")] = False
    timeout: Annotated[Seconds, Doc("Seconds that nginx waits for its answer.")] = 60


@dataclass(frozen=True)
class Tls(Section):
    """The site's certificate."""

    server: Annotated[
        str,
        Check(checks.OrEmpty(checks.http_url)),
        Doc("ACME directory; empty: certbot's default."),
    ] = ""
    email: Annotated[str, Check(checks.OrEmpty(checks.email)), Doc("Contact for the ACME account.")] = ""
    challenge: Annotated[
        Literal["http-01", "dns-01", "files", "self-signed"],
        Doc("How the certificate is obtained: ACME over HTTP or DNS, own files, or self-signed."),
    ] = "http-01"
    dns_plugin: Annotated[
        str,
        Check(checks.OrEmpty(checks.part_name)),
        Doc("certbot's DNS plugin for dns-01, such as cloudflare."),
    ] = ""
    dns_credentials: Annotated[
        HostPath, Doc("For dns-01: the plugin's file of credentials, on the host.")
    ] = ""
    dns_wait: Annotated[
        int,
        Between(0, 3600),
        Doc("For dns-01: seconds until a record is seen; 0: as many as the plugin waits."),
    ] = 0
    certificate: Annotated[HostPath, Doc("For files: the chain, on the host.")] = ""
    key: Annotated[HostPath, Doc("For files: the private key, on the host.")] = ""
