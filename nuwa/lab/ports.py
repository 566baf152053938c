"""Which ports of 127.0.0.1 are forwarded to a host."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping

from nuwa.errors import LabError
from nuwa.lab.model import HTTP, HTTPS

PREFERRED: Mapping[int, int] = {HTTPS: 8443, HTTP: 8080}
"""Ports of a host, and the local ports that it gets if they are free."""
ASIDE: Mapping[int, int] = {HTTPS: 9443, HTTP: 9080}
"""The first ports for labs with a name; the preferred ports are left to the one without."""
TRIES = 100


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(preferred: Mapping[int, int], promised: Collection[int]) -> dict[int, int]:
    """A free port for each port of a host: the preferred one, or the next that is free.

    Args:
        preferred: `PREFERRED` or `ASIDE`.
        promised: ports reserved for other hosts, including stopped ones.

    Raises:
        LabError: none of the hundred ports from the preferred one on is free.
    """
    return {inner: _first_free(start, promised) for inner, start in preferred.items()}


def _first_free(start: int, promised: Collection[int]) -> int:
    for port in range(start, start + TRIES):
        if port not in promised and is_free(port):
            return port
    raise LabError(
        f"no port of 127.0.0.1 from {start} to {start + TRIES - 1} is free",
        hint="Stop what listens there (ss -ltnp shows it), or `nuwa lab down` labs that you do not need.",
    )
