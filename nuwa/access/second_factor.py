"""The second factor: codes that change every half minute (TOTP, RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

STEP_S = 30
"""Seconds for which a code is valid; those of the previous and the next step are accepted too."""
RECOVERY_CODES = 8
RECOVERY_DIGITS = 12
"""Digits only: the keyboard that a phone shows for a code has no letters."""


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    import pyotp

    return pyotp.random_base32()


def uri(secret: str, name: str, host: str) -> str:
    """The URI that the QR code for an enrolment contains.

    Args:
        name: the token's name.
    """
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=f"{name}@{host}", issuer_name="nuwa")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that a code belongs to; None if it is wrong or not valid at this time.

    Args:
        now: Unix seconds.
    """
    import pyotp

    totp = pyotp.TOTP(secret)
    offered = code.replace(" ", "").strip().encode("utf-8", "replace")
    current = int(now) // STEP_S
    matching = [
        step
        for step in (current - 1, current, current + 1)
        if hmac.compare_digest(totp.at(step * STEP_S).encode(), offered)
    ]
    return matching[-1] if matching else None


def new_recovery_codes() -> list[str]:
    """Codes that are valid once each, for users who have lost their device."""
    numbers = [secrets.randbelow(10**RECOVERY_DIGITS) for _ in range(RECOVERY_CODES)]
    made = [f"{number:0{RECOVERY_DIGITS}}" for number in numbers]
    return [f"{code[:6]}-{code[6:]}" for code in made]


def digest_of(recovery_code: str) -> str:
    """What is stored of a recovery code, whatever its spaces, hyphens and case."""
    plain = recovery_code.replace("-", "").replace(" ", "").strip().lower()
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
