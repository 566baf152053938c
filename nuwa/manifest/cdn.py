"""The address ranges that the common CDNs connect from, as they publish them.

`as_of` says when a list was last compared with the published one. `bin/install --refresh-proxies` downloads
the current list to a host; until it has, a CDN without a list here is not trusted. Only the standard library,
and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Cdn:
    """One CDN.

    Args:
        sources: URLs at which it publishes its ranges, as text with one per line, or as JSON.
        header: the request header in which it sends the client's address.
        as_of: when `ranges` were last compared with `sources`; empty: never, and `ranges` is empty too.
    """

    sources: tuple[str, ...]
    header: str
    as_of: str
    ranges: tuple[str, ...]


CDNS = {
    "cloudflare": Cdn(
        ("https://www.cloudflare.com/ips-v4", "https://www.cloudflare.com/ips-v6"),
        "CF-Connecting-IP",
        "2026-04",
        (
            *("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18"),
            *("108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22"),
            *("198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13"),
            *("131.0.72.0/22", "2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32"),
            *("2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
        ),
    ),
    "fastly": Cdn(
        ("https://api.fastly.com/public-ip-list",),
        "X-Forwarded-For",
        "2026-04",
        (
            *("23.235.32.0/20", "43.249.72.0/22", "103.244.50.0/24", "103.245.222.0/23", "103.245.224.0/24"),
            *("104.156.80.0/20", "140.248.64.0/18", "140.248.128.0/17", "146.75.0.0/17", "151.101.0.0/16"),
            *("157.52.64.0/18", "167.82.0.0/17", "167.82.128.0/20", "167.82.160.0/20", "167.82.224.0/20"),
            *("172.111.64.0/18", "185.31.16.0/22", "199.27.72.0/21", "199.232.0.0/16", "2a04:4e40::/32"),
            *("2a04:4e42::/32",),
        ),
    ),
    # Over a hundred ranges, which change every few weeks, so each host downloads them itself.
    "cloudfront": Cdn(
        ("https://d7uri8nf7uskq.cloudfront.net/tools/list-cloudfront-ips",), "X-Forwarded-For", "", ()
    ),
}
"""CDNs by their name in `site.trusted_proxies`."""

MOST_RANGES = 2000
"""More than any CDN publishes; a longer list is not a list of its ranges."""
WIDEST = {4: 8, 6: 19}
"""Shortest prefix length that is accepted as a CDN's range, by IP version."""


def published(text: str) -> tuple[str, ...]:
    """The ranges that a CDN publishes: one per line, or JSON with lists of strings, as Fastly and AWS do.

    Raises:
        ValueError: it is something else, such as an error page.
    """
    if text.lstrip().startswith("{"):
        lists = json.loads(text).values()
        found = [item for listed in lists if isinstance(listed, list) for item in listed]
    else:
        found = text.split()
    ranges = tuple(str(_network(item)) for item in found[:MOST_RANGES])
    if not ranges or len(found) > MOST_RANGES:
        raise ValueError(f"it contains {len(found)} address ranges; 1 to {MOST_RANGES} are expected")
    return ranges


def _network(item: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    network = ipaddress.ip_network(item)  # type: ignore[arg-type]  # anything else raises ValueError
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(f"{network} is larger than any CDN's range")
    return network
