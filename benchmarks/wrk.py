"""Requests per second, as measured by wrk."""

from __future__ import annotations

import re

from nuwa.errors import NuwaError
from nuwa.process import run

SECONDS, CONNECTIONS = 5, 16


def rate(url: str, host: str) -> float:
    """Requests per second over persistent HTTP/1.1 connections.

    Args:
        url: where to connect, by address: certificates are not verified.
        host: the value of the Host header.

    Raises:
        NuwaError: wrk is missing, or an answer was not 2xx.
    """
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-H", f"Host: {host}", url]
    said = run(words, timeout=60).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        raise NuwaError(f"wrk measured nothing at {url}", details=said, hint="apt-get install wrk")
    return float(found[1])
