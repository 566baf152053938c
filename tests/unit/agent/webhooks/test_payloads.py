"""What a push says, in the bodies of three forges."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.webhooks import payloads
from nuwa.agent.webhooks.payloads import BadPayload, Push

COMMIT = "1481a2de7b2a7d02428ad93446ab166be7793fbb"


BODY = json.dumps({"ref": "refs/heads/main", "before": "0" * 40, "after": COMMIT}).encode()


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
    assert "is not a push" in str(payloads.read(github(event), b"{}"))


def test_a_tag_is_no_branch() -> None:
    assert payloads.read(github(), b'{"ref": "refs/tags/v1"}') == "refs/tags/v1 is not a branch"


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
