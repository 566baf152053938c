"""The limit of messages per hour."""

from __future__ import annotations

import time
from collections import deque

HOUR_S = 3600.0


class Allowance:
    """Allows a number of messages per hour; what is held back is sent with the next one."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def take(self, burst: int) -> bool:
        """Whether a message may go now."""
        now = time.monotonic()
        while self._sent and now - self._sent[0] > HOUR_S:
            self._sent.popleft()
        if len(self._sent) >= burst:
            return False
        self._sent.append(now)
        return True
