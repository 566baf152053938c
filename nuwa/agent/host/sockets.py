"""What the kernel knows of TCP sockets, from /proc: who listens where, and who is connected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_ESTABLISHED, _LISTEN = "01", "0A"


def listening() -> set[int]:
    """The ports that something on this host listens on."""
    return {local for local, _, state in _sockets() if state == _LISTEN}


def connections(ports: set[int]) -> int:
    """How many connections to these ports are open, as the listening side sees them."""
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
