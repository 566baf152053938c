"""Whether a server can be reached from where this runs: in a container, in the network of the app's."""

from __future__ import annotations

import socket
import time

_CONNECT_S = 10.0
"""What one attempt may take."""
_PAUSE_S = 1.0


def connect(host: str, port: int, seconds: float) -> None:
    """Connect once, and try again for a while: what hands the connection on may be about to start.

    Raises:
        OSError: of the last attempt, when the time is up.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), _CONNECT_S).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)
