"""Whether a server can be reached from here: from a container, in the app's network."""

from __future__ import annotations

import socket
import time

_CONNECT_S = 10.0
"""Maximum seconds for one attempt."""
_PAUSE_S = 1.0


def connect(host: str, port: int, seconds: float) -> None:
    """Connect once, retrying for a while: the proxy that passes the connection on may be about to start.

    Raises:
        OSError: of the last attempt, if the time is up.
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
