"""What all requests to the dashboard share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nuwa.dashboard.access import Access
from nuwa.dashboard.event_relay import Relay
from nuwa.dashboard.second_factor import SecondFactor
from nuwa.dashboard.sessions import Sessions
from nuwa.web.rate_limit import Limiter


class Dashboard:
    """What all requests share.

    Args:
        socket: the agent's control socket.
        token: the file of the host's token.
        tokens: the file of those with names.
        state: the folder for what outlives a restart.
    """

    def __init__(self, socket: Path, token: Path, tokens: Path, state: Path) -> None:
        self.socket = socket
        self.access = Access(token, tokens)
        self.sessions = Sessions(self.access, state / "ended.json")
        self.second_factor = SecondFactor(self.access, state / "second_factor.json")
        self.limiter = Limiter()
        self.relay = Relay(socket)
        self.ending = asyncio.Event()
        """Set when all streams are to end."""

    def end(self) -> None:
        """End every stream: the process ends."""
        self.ending.set()
        self.relay.close()
