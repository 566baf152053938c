"""Checks for values of the site's sections: each returns the value in canonical form or raises a ValueError.

These values reach nginx's configuration. Only the standard library, and Python 3.9.
"""

from __future__ import annotations

import ipaddress
import re

from nuwa.manifest.cdn import CDNS
from nuwa.manifest.checks import Pattern, domain, shown

_OTHERS_HEADERS = {
    *("connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "location"),
    *("server", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"),
}
"""Headers that describe the response itself; only the app and nginx set them."""

_SEGMENTS = r"(?:/(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9._~-]+)+"
_path = Pattern(rf"/|{_SEGMENTS}/?", "a path such as /admin, or / for the whole site")
_target = Pattern(
    rf"(?:https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{{1,5}})?)?(?:/|{_SEGMENTS}/?)"
    r"(?:\?[A-Za-z0-9._~%=&+-]*)?|https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?",
    "a path such as /new/, or an address such as https://www.example.com/new/",
)
request_header = Pattern(r"[A-Za-z][A-Za-z0-9-]{0,63}", "the name of a header, such as X-Forwarded-For")
rate = Pattern(r"[1-9][0-9]{0,5}/[sm]", 'a rate such as "10/s" or "100/m"')
_token = Pattern(r"[A-Za-z][A-Za-z0-9-]{0,63}", "the name of a header, such as Permissions-Policy")


def site_path(value: str) -> str:
    """A path of the site, without a trailing slash; it includes everything below it."""
    return _path(value).rstrip("/") or "/"


def redirect_source(value: str) -> str:
    """A path as it is written (a trailing slash includes everything below it), or a domain."""
    if value.startswith("/"):
        return _path(value)
    if value.startswith("*"):
        raise ValueError(f"{shown(value)} is a wildcard: name the domains one by one")
    return domain(value)


def redirect_target(value: str) -> str:
    """A path of this site, or a URL."""
    return _target(value)


def header_name(value: str) -> str:
    """The name of a response header that may be added."""
    if _token(value).lower() in _OTHERS_HEADERS:
        raise ValueError(f"{value} describes the response itself, so only the app or nginx can set it")
    return value


def header_value(value: str) -> str:
    """Printable text on one line. nginx reads a dollar sign as a variable and has no way to escape it."""
    if not re.fullmatch(r"[\x20-\x7e]{0,4000}", value):
        raise ValueError(f"{shown(value)} is not one line of at most 4000 printable ASCII characters")
    if "$" in value:
        raise ValueError(f"{shown(value)} contains a dollar sign, which nginx would read as a variable")
    return value.strip()


def network(value: str) -> str:
    """An address, or a range of addresses in CIDR notation."""
    try:
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{shown(value)} is not an address or range such as 10.0.0.0/8") from None
    raise ValueError(f"{shown(value)} is not a range: write it with its first address, {meant}")


def trusted_proxy(value: str) -> str:
    """A `network`, or the name of a CDN."""
    if value in CDNS:
        return value
    try:
        found = network(value)
    except ValueError as error:
        raise ValueError(f"{error}, nor one of the CDNs {', '.join(CDNS)}") from None
    if found.endswith("/0"):
        raise ValueError(f"{value} covers all addresses: any client could forge its own")
    return found
