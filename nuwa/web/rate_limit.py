"""Limits failed attempts, to stop guessing: after some failures, an address has to wait."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_FAILURES = 10
"""Number of failures that cause no wait."""
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 300.0
FORGET_AFTER_S = 900.0
"""Seconds without a failure after which an address starts with a clean record."""
MAX_ADDRESSES = 4096
"""Addresses that are remembered; the one whose last failure is oldest is forgotten first."""


@dataclass
class _Record:
    failures: int = 0
    until: float = 0.0
    last: float = 0.0


class Limiter:
    """Counts failures by address, and by what was tried if that is given.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def wait(self, address: str, about: str = "") -> float:
        """Seconds that an address has to wait before its next attempt; 0 if it may try now.

        Args:
            about: what it tries; failures are counted separately for each.
        """
        record = self._records.get(_key(address, about))
        return max(0.0, record.until - self._clock()) if record else 0.0

    def fail(self, address: str, about: str = "") -> None:
        """Note a failure."""
        key, now = _key(address, about), self._clock()
        record = self._records.pop(key, None) or _Record()
        if now - record.last > FORGET_AFTER_S:
            record = _Record()
        record.failures, record.last = record.failures + 1, now
        if record.failures > FREE_FAILURES:
            record.until = now + min(
                MAX_WAIT_S, FIRST_WAIT_S * 2 ** min(record.failures - FREE_FAILURES - 1, 16)
            )
        self._records[key] = record
        while len(self._records) > MAX_ADDRESSES:
            self._records.popitem(last=False)

    def succeed(self, address: str, about: str = "") -> None:
        """Forget the failures of an address."""
        self._records.pop(_key(address, about), None)


def _key(address: str, about: str) -> str:
    return f"{_network(address)} {about}"


def _network(address: str) -> str:
    """What counts as one address: for IPv6 the /64 network, since a client usually has all of one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
