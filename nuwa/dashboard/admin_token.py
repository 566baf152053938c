"""The token that opens the dashboard, reread when its file changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path

log = logging.getLogger(__name__)


class Token:
    """The content of the token's file.

    Args:
        path: the file; while it is missing or empty, every login is rejected.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._value = b""
        self._is_told = False

    def fits(self, offered: str) -> bool:
        """Whether it is this token, compared in constant time."""
        value = self.value
        return bool(value) and hmac.compare_digest(_digest(value), _digest(offered.strip().encode()))

    def key(self, purpose: str) -> bytes:
        """A secret derived from it, and valid as long as it."""
        return hmac.digest(self.value, purpose.encode(), "sha256")

    @property
    def value(self) -> bytes:
        """Empty while there is none."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen != self._seen:
                self._value, self._seen = self._path.read_bytes().strip(), seen
                self._is_told = False
        except OSError as error:
            self._value, self._seen = b"", None
            if not self._is_told:
                log.warning(
                    "every login with the host's token is rejected, since its file cannot be read: %s", error
                )
                self._is_told = True
        return self._value


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
