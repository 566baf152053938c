"""Authenticates webhooks: the signatures and tokens of GitHub, GitLab and Gitea. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

SIGNED = (
    ("x-hub-signature-256", "sha256=", hashlib.sha256),
    ("x-gitea-signature", "", hashlib.sha256),
    ("x-forgejo-signature", "", hashlib.sha256),
    ("x-gogs-signature", "", hashlib.sha256),
    ("x-hub-signature", "sha1=", hashlib.sha1),
)
"""Headers that sign the body, the strongest first: only the first one present counts."""
_DELIVERY = (
    "x-github-delivery",
    "x-gitea-delivery",
    "x-forgejo-delivery",
    "x-gogs-delivery",
    "x-gitlab-event-uuid",
    "idempotency-key",
)


@dataclass(frozen=True)
class Sender:
    """A sender that knows the secret.

    Args:
        signed: whether the body itself is signed.
    """

    signed: bool


def prove(headers: Mapping[str, str], body: bytes, secret: str) -> Sender | None:
    """The sender of a request if it knows the secret; compared in constant time.

    Args:
        headers: by lower-case name.
        secret: an empty one never matches.
    """
    if not secret:
        return None
    for name, prefix, algorithm in SIGNED:
        if name in headers:
            expected = prefix + hmac.new(secret.encode(), body, algorithm).hexdigest()
            return Sender(signed=True) if _same(expected, headers[name]) else None
    if "x-gitlab-token" in headers:
        return Sender(signed=False) if _same(secret, headers["x-gitlab-token"]) else None
    return None


def delivery_id(headers: Mapping[str, str]) -> str:
    """The sender's id of a delivery; empty if there is none.

    GitLab's `X-Gitlab-Webhook-UUID` names the webhook, not the delivery.
    """
    return next((headers[name] for name in _DELIVERY if headers.get(name)), "")


def digest(body: bytes) -> str:
    """The digest by which a repeated body is recognised."""
    return hashlib.sha256(body).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "surrogateescape"))
