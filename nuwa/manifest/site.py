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
            "cloudfront. Headers that state the client's address and the scheme are trusted only "
            "if they come from these."
        ),
    ] = ()
    client_address_header: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.request_header)),
        Doc(
            "Header in which these proxies send the client's address; empty: CF-Connecting-IP "
            "if cloudflare is the only one, otherwise X-Forwarded-For."
        ),
    ] = ""
    rate: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.rate)),
        Doc(
            "Maximum rate of requests from one client to the app and the routes, such as 10/s or 100/m; "
            "further requests get 429. Empty: no limit. A client is one address, or an IPv6 /64 network."
        ),
    ] = ""
    burst: Annotated[
        Optional[int],
        Between(0, 100_000),
        Doc("Requests beyond that rate that a client may send at once; empty: the number in the rate."),
    ] = None
    headers: Annotated[
        Headers,
        Doc("Headers of every response, replacing the app's own; an empty value removes a header."),
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
    """Settings for a path of the site and everything below it; those of a deeper path take precedence."""

    path: Annotated[
        str, Check(site_checks.site_path), Doc("Path, such as /upload; includes all paths below it.")
    ]
    max_body: Annotated[Optional[Size], Doc("Largest request body; empty: server.max_body.")] = None
    timeout: Annotated[
        Optional[Seconds],
        Doc("Seconds that nginx waits for a response; empty: server.timeout plus 5."),
    ] = None
    rate: Annotated[
        str,
        Check(checks.OrEmpty(site_checks.rate)),
        Doc("Maximum rate of requests from one client, instead of site.rate; empty: site.rate applies."),
    ] = ""
    burst: Annotated[Optional[int], Between(0, 100_000), Doc("Like site.burst, for this rate.")] = None
    headers: Annotated[
        Headers, Doc("Headers of every response, added to those of [site]; one of the same name replaces it.")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Protect(Section):
    """Who may access a path and everything below it. For a deeper path with a [[protect]] of its own, only
    that one applies."""

    path: Annotated[str, Check(site_checks.site_path), Doc("Path, such as /admin; / is the whole site.")] = (
        "/"
    )
    users_secret: Annotated[
        str,
        Check(checks.OrEmpty(checks.variable_name)),
        Doc(
            "Name of the secret with the users, one name:password per line. It is stored on the host, where "
            "the app cannot read it. Empty: no password is required."
        ),
    ] = ""
    allow: Annotated[
        tuple[Annotated[str, Check(site_checks.network)], ...],
        Doc("Addresses and ranges of clients that have access; empty: all."),
    ] = ()
    require: Annotated[
        Literal["any", "all"],
        Doc("If both keys are set: any: an allowed address needs no password; all: it needs one too."),
    ] = "any"


@dataclass(frozen=True)
class Redirect(Section):
    """Where a path, or a domain, has moved to."""

    source: Annotated[
        str,
        Check(site_checks.redirect_source),
        Doc(
            "What has moved: a path (/old is that path only, /old/ includes everything below it), or one of "
            "the app's domains."
        ),
    ]
    to: Annotated[
        str,
        Check(site_checks.redirect_target),
        Doc(
            "Path of this site, or a URL. If it ends with a slash, and source is a domain or ends with a "
            "slash too, the rest of the path is kept."
        ),
    ]
    status: Annotated[
        Literal[301, 302, 307, 308],
        Doc("301, 308: permanent; 302, 307: temporary. 307 and 308 keep the method and body of a request."),
    ] = 301

    @property
    def path(self) -> str:
        """The path that has moved; `/` if a whole domain has."""
        return self.source if self.source.startswith("/") else "/"

    @property
    def domain(self) -> str:
        """The domain that has moved; empty if a path has."""
        return "" if self.source.startswith("/") else self.source


@dataclass(frozen=True)
class Static(Section):
    """Files that nginx serves directly from the host's disk."""

    directory: Annotated[RelativePath, Doc("Folder in the project that holds them (after collecting).")]
    url: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which they are served.")] = "/static/"
    collect: Annotated[
        Commands,
        Doc("Command that collects them, or a list of commands; run once, during the build, as the app."),
    ] = ()


@dataclass(frozen=True)
class Route(Section):
    """Another service on the host, which visitors reach under a path of the site."""

    path: Annotated[str, Check(checks.url_prefix), Doc("URL prefix under which it is reached.")]
    to: Annotated[
        str,
        Check(checks.route_target),
        Doc(
            "Where it listens: http://127.0.0.1:PORT, unix:/path/of.sock, or app:NAME for an app on the host."
        ),
    ]
    strip: Annotated[bool, Doc("Strip the prefix from the path before the service sees it.")] = False
    websocket: Annotated[bool, Doc("Pass WebSocket upgrades through nginx.")] = False
    timeout: Annotated[Seconds, Doc("Seconds that nginx waits for its response.")] = 60


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
        Doc(
            "How the certificate is obtained: by ACME over HTTP or DNS, from your own files, or self-signed."
        ),
    ] = "http-01"
    dns_plugin: Annotated[
        str,
        Check(checks.OrEmpty(checks.part_name)),
        Doc("certbot's DNS plugin for dns-01, such as cloudflare."),
    ] = ""
    dns_credentials: Annotated[HostPath, Doc("For dns-01: the plugin's credentials file, on the host.")] = ""
    dns_wait: Annotated[
        int,
        Between(0, 3600),
        Doc("For dns-01: seconds to wait until a record is visible; 0: the plugin's default."),
    ] = 0
    certificate: Annotated[HostPath, Doc("For files: the chain, on the host.")] = ""
    key: Annotated[HostPath, Doc("For files: the private key, on the host.")] = ""
