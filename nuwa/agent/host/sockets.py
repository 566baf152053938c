"""TCP sockets from /proc: listening ports and open connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ESTABLISHED, _LISTEN = "01", "0A"


def listening() -> set[int]:
    """The listening ports of this host."""
    return {local for local, _, state in _sockets() if state == _LISTEN}


def connections(ports: set[int]) -> int:
    """The number of open connections to these ports, counted on the listening side."""
    return sum(local in ports and state == _ESTABLISHED for local, _, state in _sockets())


def _sockets() -> Iterator[tuple[int, int, str]]:
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, state = line.split()[:4]
            yield int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16), state
