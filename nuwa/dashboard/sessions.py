"""Sessions of browsers: signed cookies, so that they outlive a restart, and end with their token."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nuwa import files
from nuwa.access.rights import HOST
from nuwa.dashboard.access import Access

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 12 * 3600
"""Seconds without a visit after which a session ends."""
MAX_AGE_S = 7 * 86400
"""Seconds after which it ends in any case."""
RENEW_AFTER_S = 600
"""Seconds after which a visit lengthens it."""
_FORM = re.compile(
    r"(?P<id>[A-Za-z0-9_-]{16,64})(?:~(?P<owner>[a-z][a-z0-9-]{0,31}))?"
    r"\.(?P<begun>\d{1,12})\.(?P<until>\d{1,12})\.(?P<signature>[0-9a-f]{64})"
)
"""A cookie; without an owner it is of the host's token."""


@dataclass(frozen=True)
class Session:
    """A browser that has logged in with a token.

    Args:
        begun: when it logged in; Unix seconds.
        until: when the session expires, unless it is renewed before.
        owner: the name of the token.
    """

    id: str
    begun: int
    until: int
    owner: str = HOST


class Sessions:
    """Makes sessions, recognises them and ends them.

    Args:
        access: the tokens, whose keys sign them.
        ended: the file that stores sessions that were logged out, until they would have expired.
    """

    def __init__(self, access: Access, ended: Path, clock: Callable[[], float] = time.time) -> None:
        self._access, self._file, self._clock = access, ended, clock
        self._ended: dict[str, int] = files.read_json(ended, {})

    def begin(self, owner: str = HOST) -> Session:
        """A new session of a token.

        Args:
            owner: its name.
        """
        now = int(self._clock())
        return Session(secrets.token_urlsafe(18), now, now + IDLE_TIMEOUT_S, owner)

    def cookie(self, session: Session) -> str:
        """The cookie's value."""
        owner = "" if session.owner == HOST else f"~{session.owner}"
        text = f"{session.id}{owner}.{session.begun}.{session.until}"
        return f"{text}.{self._sign(session.owner, 'session', text)}"

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None if it is forged, over, or its token was changed or revoked."""
        found = _FORM.fullmatch(cookie)
        if found is None:
            return None
        owner = found["owner"] or HOST
        if self._access.grant(owner) is None:
            return None
        text = cookie.rpartition(".")[0]
        if not hmac.compare_digest(found["signature"], self._sign(owner, "session", text)):
            return None
        session = Session(found["id"], int(found["begun"]), int(found["until"]), owner)
        now = self._clock()
        is_over = now >= session.until or now >= session.begun + MAX_AGE_S
        return None if is_over or session.id in self._ended else session

    def renewed(self, session: Session) -> Session | None:
        """The same session with more time; None while it has enough."""
        now = int(self._clock())
        until = min(now + IDLE_TIMEOUT_S, session.begun + MAX_AGE_S)
        return replace(session, until=until) if until - session.until > RENEW_AFTER_S else None

    def end(self, session: Session) -> None:
        """End it, also for copies of the cookie."""
        now = self._clock()
        kept = {name: until for name, until in self._ended.items() if until > now}
        self._ended = {**kept, session.id: session.begun + MAX_AGE_S}
        try:
            files.write_json(self._file, self._ended, mode=0o600)
        except OSError as error:
            log.warning("an ended session would be valid again after a restart: %s", error)

    def proof(self, session: Session) -> str:
        """What a form has to bring along: other sites can send forms, but not read this."""
        return self._sign(session.owner, "form", session.id)

    def is_proof(self, session: Session, offered: str) -> bool:
        return hmac.compare_digest(self.proof(session).encode(), offered.encode())

    def _sign(self, owner: str, purpose: str, text: str) -> str:
        key = self._access.key(owner, f"nuwa-dashboard {purpose}")
        if not key:  # it was revoked just now: without a key, no signature is valid
            key = secrets.token_bytes(32)
        return hmac.digest(key, text.encode(), "sha256").hex()
