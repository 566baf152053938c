"""The tokens that give access, the host's and those with names, and the current rights of each."""

from __future__ import annotations

import hmac
from pathlib import Path

from nuwa.access import rights
from nuwa.access.rights import Grant
from nuwa.access.token_file import Token as NamedToken
from nuwa.access.token_file import Tokens
from nuwa.dashboard.admin_token import Token


class Access:
    """All tokens of the host, reread when their files change.

    Args:
        token: the file of the host's token.
        tokens: the file of those with names.
    """

    def __init__(self, token: Path, tokens: Path) -> None:
        self._host = Token(token)
        self._tokens = Tokens(tokens)

    def identify(self, offered: str) -> Grant | None:
        """The grant of a token; None if there is no such token."""
        if self._host.fits(offered):
            return rights.grant_of_host()
        found = self._tokens.match(offered)
        return found.grant if found else None

    def grant(self, name: str) -> Grant | None:
        """The current rights of a token; None if it was revoked."""
        if name == rights.HOST:
            return rights.grant_of_host() if self._host.value else None
        found = self._tokens.find(name)
        return found.grant if found else None

    def token(self, name: str) -> NamedToken | None:
        """A token with a name; None if there is none."""
        return self._tokens.find(name)

    def mark(self, name: str) -> bytes:
        """Identifies a token for a stream: it changes with the token; empty if it was revoked."""
        return self.key(name, "nuwa-dashboard stream")

    def key(self, name: str, purpose: str) -> bytes:
        """A secret derived from a token, and valid as long as it; empty if it was revoked."""
        if name == rights.HOST:
            return self._host.key(purpose) if self._host.value else b""
        found = self._tokens.find(name)
        return hmac.digest(bytes.fromhex(found.key), purpose.encode(), "sha256") if found else b""
