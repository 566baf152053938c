"""Who sent a webhook: signatures and tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.webhooks import signatures

SECRET = "a secret of the hook"


COMMIT = "1481a2de7b2a7d02428ad93446ab166be7793fbb"


BODY = json.dumps({"ref": "refs/heads/main", "before": "0" * 40, "after": COMMIT}).encode()


def signed(body: bytes, algorithm: Any = hashlib.sha256, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def test_a_documented_example_of_a_signature_is_accepted() -> None:
    """The example of GitHub's documentation, "Validating webhook deliveries"."""
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signatures.prove({"x-hub-signature-256": header}, b"Hello, World!", "It's a Secret to Everybody")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature-256": "sha256=" + signed(BODY)},
        {"x-hub-signature": "sha1=" + signed(BODY, hashlib.sha1)},
        {"x-gitea-signature": signed(BODY)},
        {"x-forgejo-signature": signed(BODY)},
        {"x-gitlab-token": SECRET},
    ],
)
def test_each_provider_can_prove_itself(headers: dict[str, str]) -> None:
    assert signatures.prove(headers, BODY, SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": signed(BODY)},
        {"x-hub-signature-256": "sha256=" + signed(b"another body")},
        {"x-hub-signature-256": "sha256=" + signed(BODY, secret="")},
        {"x-hub-signature-256": "sha256=" + signed(BODY, secret="another")},
        {"x-hub-signature": "sha1=" + signed(BODY)},
        {"x-gitlab-token": ""},
        {"x-gitlab-token": SECRET + "x"},
        {"x-gitlab-token": "ÿþ"},
        {"authorization": SECRET},
    ],
)
def test_nothing_else_proves_anything(headers: dict[str, str]) -> None:
    assert signatures.prove(headers, BODY, SECRET) is None


@pytest.mark.parametrize(
    "headers", [{"x-gitlab-token": ""}, {"x-hub-signature-256": "sha256=" + signed(BODY, secret="")}]
)
def test_an_empty_secret_lets_nobody_in(headers: dict[str, str]) -> None:
    assert signatures.prove(headers, BODY, "") is None


def test_a_wrong_strong_signature_is_not_saved_by_a_right_weak_one() -> None:
    headers = {
        "x-hub-signature-256": "sha256=" + "0" * 64,
        "x-hub-signature": "sha1=" + signed(BODY, hashlib.sha1),
    }
    assert signatures.prove(headers, BODY, SECRET) is None


@given(st.text(), st.binary(max_size=50))
def test_no_header_breaks_the_proof(value: str, body: bytes) -> None:
    for name in ("x-hub-signature-256", "x-gitlab-token", "x-hub-signature"):
        assert signatures.prove({name: value}, body, SECRET) is None


def test_the_delivery_is_named_as_its_sender_names_it() -> None:
    assert signatures.delivery_id({"x-github-delivery": "72d3162e"}) == "72d3162e"
    assert signatures.delivery_id({"x-gitlab-event-uuid": "13792a34", "idempotency-key": "x"}) == "13792a34"
    assert signatures.delivery_id({"x-github-delivery": "x" * 500}) == "x" * 500
    assert signatures.delivery_id({"x-gitlab-webhook-uuid": "names the hook"}) == ""
    assert signatures.delivery_id({}) == ""
