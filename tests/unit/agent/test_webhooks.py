"""Who may trigger a webhook, and what counts as a push."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.webhooks import payloads, signatures
from nuwa.agent.webhooks.payloads import BadPayload, Push
from nuwa.web.rate_limit import FREE, LONGEST_WAIT, Limiter

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


def github(event: str = "push") -> dict[str, str]:
    return {"x-github-event": event, "content-type": "application/json"}


def test_a_push_names_branch_and_commit() -> None:
    assert payloads.read(github(), BODY) == Push("main", COMMIT)


def test_gitlab_says_the_same_in_its_own_words() -> None:
    body = {"object_kind": "push", "ref": "refs/heads/feature/x", "checkout_sha": COMMIT, "after": COMMIT}
    headers = {"x-gitlab-event": "Push Hook"}
    assert payloads.read(headers, json.dumps(body).encode()) == Push("feature/x", COMMIT)


def test_githubs_form_is_read_as_well() -> None:
    body = urlencode({"payload": BODY.decode()}).encode()
    headers = {"x-github-event": "push", "content-type": "application/x-www-form-urlencoded"}
    assert payloads.read(headers, body) == Push("main", COMMIT)
    assert payloads.read(headers, BODY) == Push("main", COMMIT)


def test_a_deleted_branch_is_said_to_be_deleted() -> None:
    body = json.dumps({"ref": "refs/heads/old", "after": "0" * 40, "deleted": True}).encode()
    assert payloads.read(github(), body) == Push("old", "", deleted=True)


@pytest.mark.parametrize("event", ["ping", "issues", "Issue Hook", "Tag Push Hook", "release"])
def test_other_events_are_no_push(event: str) -> None:
    assert "is no push" in str(payloads.read(github(event), b"{}"))


def test_a_tag_is_no_branch() -> None:
    assert payloads.read(github(), b'{"ref": "refs/tags/v1"}') == "refs/tags/v1 is no branch"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"{}",
        b'{"ref": 5}',
        b'{"ref": "refs/heads/a", "after": "x; rm -rf /"}',
        b'{"ref": "refs/heads/\\ud800"}',
        b'{"ref": "\\udfff"}',
        b"\xff",
        b"[" * 99999,
    ],
)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload):
        payloads.read(github(), body)


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        try:
            payloads.read({"x-github-event": "push", "content-type": kind}, body)
        except BadPayload:
            continue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_whoever_guesses_has_to_wait_longer_each_time() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for _ in range(FREE):
        limiter.fail("192.0.2.1")
        assert limiter.wait("192.0.2.1") == 0
    waits = []
    for _ in range(12):
        limiter.fail("192.0.2.1")
        waits.append(limiter.wait("192.0.2.1"))
    assert waits == sorted(waits)
    assert waits[0] == 1
    assert waits[-1] == LONGEST_WAIT
    clock.now += LONGEST_WAIT
    assert limiter.wait("192.0.2.1") == 0


def test_others_do_not_wait_and_a_whole_ipv6_network_is_one() -> None:
    limiter = Limiter(Clock())
    for host in range(FREE + 1):
        limiter.fail(f"2001:db8::{host:x}")
    assert limiter.wait("2001:db8::ffff") > 0
    assert limiter.wait("2001:db8:0:1::1") == 0
    assert limiter.wait("192.0.2.1") == 0


def test_failures_at_one_thing_say_nothing_of_another() -> None:
    limiter = Limiter(Clock())
    for _ in range(FREE + 1):
        limiter.fail("192.0.2.1", "site")
    assert limiter.wait("192.0.2.1", "site") > 0
    assert limiter.wait("192.0.2.1", "shop") == 0
    assert limiter.wait("192.0.2.1") == 0


def test_success_and_time_forgive() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(FREE + 1):
            limiter.fail(address)
    limiter.succeed("192.0.2.1")
    assert limiter.wait("192.0.2.1") == 0
    clock.now += 10_000
    limiter.fail("192.0.2.2")
    assert limiter.wait("192.0.2.2") == 0


def test_the_memory_for_addresses_is_bounded() -> None:
    limiter = Limiter(Clock())
    for number in range(5000):
        limiter.fail(f"10.0.{number // 256}.{number % 256}")
    assert len(limiter._records) <= 4096
