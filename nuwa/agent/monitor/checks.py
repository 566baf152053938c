"""Checks of the host itself; they run in a separate thread, since they may be slow."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from nuwa.agent.config.model import SiteCheck
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host import http_fetch
from nuwa.agent.host.services import Service
from nuwa.agent.monitor import certificates, results
from nuwa.agent.monitor.results import Finding
from nuwa.agent.paths import Paths

MAX_PAGE_BYTES = 1024 * 1024
"""How much of a page is searched."""
AUTHORITIES_S = 3600
"""Seconds after which the certificates of authorities are read again, since they may have changed."""


def disks(services: Iterable[Service], paths: Paths, limit: int) -> Iterator[Finding]:
    """Each disk with files of nuwa's, once."""
    places = [paths.root, paths.state, paths.root / "var/log", paths.root / "var/lib/containers"]
    places += [service.deployment.folder for service in services if service.deployment]
    seen: set[int] = set()
    for place in places:
        try:
            device, space = place.stat().st_dev, os.statvfs(place)
        except OSError:
            continue
        if device not in seen and space.f_blocks:
            seen.add(device)
            used = _used(space.f_blocks - space.f_bfree, space.f_bavail)
            files = _used(space.f_files - space.f_ffree, space.f_favail) if space.f_files else 0.0
            yield results.disk(str(_mount(place)), max(used, files), limit)


def _used(used: int, free: int) -> float:
    """Percent, as `df` counts: space reserved for root is not free."""
    return 100 * used / (used + free) if used + free else 0.0


def _mount(path: Path) -> Path:
    """The folder at which the disk of a path is mounted."""
    path = path.resolve()
    while not path.is_mount() and path != path.parent:
        path = path.parent
    return path


def hosts(services: Iterable[Service], loaded: Loaded) -> dict[str, str]:
    """The host names that should have a certificate, each with its service."""
    found = {route.partition("/")[0]: "" for route in loaded.config.routes}
    for service in services:
        if service.deployment:
            found.update(dict.fromkeys(service.deployment.domains, service.name))
    found.pop("*", None)
    return found


async def certificate(host: str, service: str, paths: Paths, days: int) -> tuple[Finding, float | None]:
    """A host's certificate, and when it expires."""
    end = await certificates.served(host)
    on_disk = certificates.stored(paths.letsencrypt / host.removeprefix("*.") / "fullchain.pem")
    return results.certificate(host, service, end, on_disk, time.time(), days), end


async def site(check: SiteCheck) -> Finding:
    """A page that the configuration names."""
    try:
        status, body = await http_fetch.get(_target(check.url), seconds=check.timeout, most=MAX_PAGE_BYTES)
    except (OSError, ValueError) as error:
        return results.site(check.url, None, f"gave no answer: {error}", check.status, False)
    return results.site(check.url, status, "", check.status, check.contains.encode() in body)


@lru_cache(maxsize=1)
def _authorities(period: int) -> ssl.SSLContext:  # noqa: ARG001 - another one in each
    """The authorities that this host trusts. To read them takes 25 ms and 3 MB, so all pages share them."""
    return ssl.create_default_context()


def _target(url: str) -> http_fetch.Target:
    parts = urlsplit(url)
    tls = _authorities(int(time.monotonic() // AUTHORITIES_S)) if parts.scheme == "https" else None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "nuwa"}
    return http_fetch.Target(parts.hostname or "", parts.port or (443 if tls else 80), path, headers, tls)
