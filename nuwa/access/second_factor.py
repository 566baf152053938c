"""The second factor: codes that change every half minute (TOTP, RFC 6238), and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

STEP_S = 30
"""Seconds for which a code counts; those of the step before and after are accepted too."""
RECOVERY_CODES = 8
RECOVERY_DIGITS = 12
"""Digits alone: where a phone asks for a code, its keyboard has no letters."""


def new_secret() -> str:
    """A secret for an app, in base 32."""
    import pyotp

    return pyotp.random_base32()


def uri(secret: str, name: str, host: str) -> str:
    """What the QR code of an enrolment holds.

    Args:
        name: of the token.
    """
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=f"{name}@{host}", issuer_name="nuwa")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that a code belongs to; None if it is wrong or of another time.

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
    """Codes that count once each, for who has lost the device."""
    numbers = [secrets.randbelow(10**RECOVERY_DIGITS) for _ in range(RECOVERY_CODES)]
    made = [f"{number:0{RECOVERY_DIGITS}}" for number in numbers]
    return [f"{code[:6]}-{code[6:]}" for code in made]


def digest_of(recovery_code: str) -> str:
    """What is kept of a recovery code, however it is typed."""
    plain = recovery_code.replace("-", "").replace(" ", "").strip().lower()
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
