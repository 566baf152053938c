"""Sessions of browsers: signed cookies, so that they outlive a restart, and end when the token changes."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nuwa import files
from nuwa.dashboard.admin_token import Token

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 12 * 3600
"""Seconds without a visit after which a session ends."""
MAX_AGE_S = 7 * 86400
"""Seconds after which it ends in any case."""
RENEW_AFTER_S = 600
"""Seconds after which a visit lengthens it."""
_FORM = re.compile(r"([A-Za-z0-9_-]{16,64})\.(\d{1,12})\.(\d{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True)
class Session:
    """A browser that has shown the token.

    Args:
        begun: when it did; Unix seconds.
        until: when it has to do so again, unless it comes back before.
    """

    id: str
    begun: int
    until: int


class Sessions:
    """Makes sessions, recognises them and ends them.

    Args:
        token: what they are signed with.
        ended: the file in which those that somebody ended are remembered until they are over anyway.
    """

    def __init__(self, token: Token, ended: Path, clock: Callable[[], float] = time.time) -> None:
        self._token, self._file, self._clock = token, ended, clock
        self._ended: dict[str, int] = files.read_json(ended, {})

    def begin(self) -> Session:
        now = int(self._clock())
        return Session(secrets.token_urlsafe(18), now, now + IDLE_TIMEOUT_S)

    def cookie(self, session: Session) -> str:
        """The cookie's value."""
        text = f"{session.id}.{session.begun}.{session.until}"
        return f"{text}.{self._sign('session', text)}"

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None if it is forged, over, or from before the token changed."""
        found = _FORM.fullmatch(cookie)
        if found is None or not self._token.value:
            return None
        text, signature = cookie.rpartition(".")[0], found[4]
        if not hmac.compare_digest(signature, self._sign("session", text)):
            return None
        session = Session(found[1], int(found[2]), int(found[3]))
        now = self._clock()
        is_over = now >= session.until or now >= session.begun + MAX_AGE_S
        return None if is_over or session.id in self._ended else session

    def renewed(self, session: Session) -> Session | None:
        """The same session with more time; None while it has enough."""
        now = int(self._clock())
        until = min(now + IDLE_TIMEOUT_S, session.begun + MAX_AGE_S)
        return Session(session.id, session.begun, until) if until - session.until > RENEW_AFTER_S else None

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
        return self._sign("form", session.id)

    def is_proof(self, session: Session, offered: str) -> bool:
        return hmac.compare_digest(self.proof(session).encode(), offered.encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(self._token.key(f"nuwa-dashboard {purpose}"), text.encode(), "sha256").hex()
