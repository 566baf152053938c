"""The site of an app in the model of `nuwa.toml`: what nginx does for it on the host.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from nuwa.manifest import checks
from nuwa.manifest.marks import Between, Check, Commands, Doc, HostPath, RelativePath, Seconds, Section


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
