"""The second step of a login: a code that can be used once."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nuwa import files
from nuwa.access import second_factor
from nuwa.dashboard.access import Access

log = logging.getLogger(__name__)

TICKET_S = 300
"""Seconds between the token and the code."""
_TICKET = re.compile(r"(?P<name>[a-z][a-z0-9-]{0,31})\.(?P<until>\d{1,12})\.(?P<signature>[0-9a-f]{64})")


class SecondFactor:
    """Checks codes, and remembers which were used.

    Args:
        used: the file for that; only digests are in it.
    """

    def __init__(self, access: Access, used: Path, clock: Callable[[], float] = time.time) -> None:
        self._access, self._file, self._clock = access, used, clock
        self._used: dict[str, Any] = files.read_json(used, {})

    def ticket(self, name: str) -> str:
        """Proves for five minutes that somebody has sent a valid token."""
        text = f"{name}.{int(self._clock()) + TICKET_S}"
        return f"{text}.{self._sign(name, text)}"

    def name_of(self, ticket: str) -> str | None:
        """The name of the token that a ticket is for; None if it is forged, over, or revoked."""
        found = _TICKET.fullmatch(ticket)
        if found is None or self._access.grant(found["name"]) is None:
            return None
        text = ticket.rpartition(".")[0]
        if not hmac.compare_digest(found["signature"], self._sign(found["name"], text)):
            return None
        return found["name"] if self._clock() < int(found["until"]) else None

    def accept(self, name: str, code: str) -> str:
        """Whether a code is right, and was not used before; then it is used.

        Returns:
            `code` or `recovery`, by its kind; empty if it is refused.
        """
        token = self._access.token(name)
        if token is None or not token.totp:
            return ""
        state = self._state(name, token.totp)
        step = second_factor.step_of(token.totp, code, self._clock())
        if step is not None:
            if step <= state["last"]:
                return ""
            self._remember(name, {**state, "last": step})
            return "code"
        digest = second_factor.digest_of(code)
        if digest in token.recovery and digest not in state["recovery"]:
            self._remember(name, {**state, "recovery": [*state["recovery"], digest]})
            return "recovery"
        return ""

    def _state(self, name: str, secret: str) -> dict[str, Any]:
        """What was used of an enrolment; another secret is another one."""
        enrolment = hashlib.sha256(secret.encode()).hexdigest()
        found = self._used.get(name, {})
        if found.get("enrolment") != enrolment:
            return {"enrolment": enrolment, "last": 0, "recovery": []}
        return dict(found)

    def _remember(self, name: str, state: dict[str, Any]) -> None:
        self._used = {key: value for key, value in self._used.items() if self._access.grant(key)}
        self._used[name] = state
        try:
            files.write_json(self._file, self._used, mode=0o600)
        except OSError as error:
            log.warning("a used code could be used again after a restart: %s", error)

    def _sign(self, name: str, text: str) -> str:
        return hmac.digest(self._access.key(name, "nuwa-dashboard ticket"), text.encode(), "sha256").hex()
