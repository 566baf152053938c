"""Whatever comes in at the webhook listener is answered, and never with a fault of the agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from nuwa.agent.api import webhook_receiver
from nuwa.agent.audit import Trail
from nuwa.agent.config.load import validate
from nuwa.agent.database import Database
from nuwa.agent.webhooks.run_store import History
from unit.asgi import ask

TOKEN = "a-secret-of-the-tests"
ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=10)
"""Half a surrogate pair as well: JSON can say it, and no text can hold it."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
REFERENCES = st.sampled_from(["", "refs/heads/", "refs/heads/main", "refs/tags/"]).flatmap(
    lambda head: ANY_TEXT.map(lambda tail: head + tail)
)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "ref": REFERENCES | VALUES,
        "after": st.sampled_from(["a" * 40, "0" * 40]) | VALUES,
        "checkout_sha": VALUES,
        "deleted": VALUES,
    },
)
HEADER = st.binary(max_size=30).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    hooks = {
        "any": {"token": TOKEN, "path": "/nowhere"},
        "main": {"token": TOKEN, "path": "/nowhere", "branch": "main"},
    }
    database = Database(Path(tmp_path_factory.mktemp("state")) / "agent.db")
    agent: Any = SimpleNamespace(
        loaded=validate(json.dumps({"webhooks": hooks}), "config.json"),
        history=History(database),
        dispatcher=SimpleNamespace(add=lambda hook, accepted: None),
        trail=Trail(database),
    )
    yield webhook_receiver.application(agent)
    database.close()


few = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BODIES = PAYLOADS.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
KINDS = st.sampled_from([b"application/json", b"application/x-www-form-urlencoded"]) | HEADER


@few
@example(hook="main", event=b"push", delivery=b"", kind=b"", body=b'{"ref": "refs/heads/\\ud800"}')
@given(
    hook=st.sampled_from(["any", "main"]),
    event=st.sampled_from([b"Push Hook", b"push", b"Issue Hook", b""]) | HEADER,
    delivery=HEADER,
    kind=KINDS,
    body=BODIES,
)
def test_no_proven_delivery_is_a_fault_of_the_agent(
    app: ASGIApp, hook: str, event: bytes, delivery: bytes, kind: bytes, body: bytes
) -> None:
    headers = [
        (b"x-gitlab-token", TOKEN.encode()),
        (b"x-gitlab-event", event),
        (b"x-gitlab-event-uuid", delivery),
        (b"content-type", kind),
    ]
    status, answer = ask(app, f"/webhook/{hook}", method="POST", headers=headers, body=body)
    assert status < 500
    json.loads(answer)


@few
@given(
    hook=st.sampled_from(["any", "nobody"]),
    name=st.sampled_from([b"x-gitlab-token", b"x-hub-signature-256", b"x-gitea-signature"]),
    proof=HEADER,
    address=HEADER,
    length=st.sampled_from([b"9" * 5000, b"-1", "²".encode("latin-1")]) | HEADER,
    body=BODIES,
)
def test_nothing_that_strangers_send_is_a_fault_of_the_agent(
    app: ASGIApp, hook: str, name: bytes, proof: bytes, address: bytes, length: bytes, body: bytes
) -> None:
    headers = [(name, proof), (b"x-real-ip", address), (b"content-length", length)]
    status, answer = ask(app, f"/webhook/{hook}", method="POST", headers=headers, body=body)
    assert 400 <= status < 500
    json.loads(answer)
