"""What strangers and forges may send to the agent's listener for webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator

import pytest
from agent_host import TOKEN, AgentHost


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    made.configure({"webhooks": {"site": {"token": TOKEN, "path": "/nowhere", "branch": "main"}}})
    yield made
    made.close()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 401),
        ({"X-Gitlab-Token": "wrong"}, b"{}", 401),
        ({"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Push Hook"}, b"no json", 400),
        ({"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Push Hook"}, b'{"ref": 1}', 400),
        ({"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Issue Hook"}, b"{}", 200),
        ({"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Push Hook"}, b'{"ref": "refs/heads/other"}', 200),
    ],
)
def test_only_a_proven_push_to_the_branch_counts(
    host: AgentHost, headers: dict[str, str], body: bytes, status: int
) -> None:
    before = len(host.client.ask("GET", "/hooks/site/runs")["runs"])
    got, answer = host.post("/webhook/site", body, headers)
    assert got == status, answer
    assert len(host.client.ask("GET", "/hooks/site/runs")["runs"]) == before


def test_a_replay_is_refused(host: AgentHost) -> None:
    status, first = host.push("site", "a" * 40, delivery="once")
    assert status == 202
    body = json.dumps({"ref": "refs/heads/main", "after": "a" * 40, "delivery": "once"}).encode()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "twice",
        "X-Hub-Signature-256": "sha256=" + hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest(),
    }
    assert host.post("/webhook/site", body, headers)[0] == 409
    assert host.run(first["run"])["state"] == "failed"


def test_the_control_api_is_not_reached_through_the_listener(host: AgentHost) -> None:
    for path in ("/ls", "/config", "/start/web", "/webhook/site/restart", "/"):
        assert host.post(path)[0] == 404


def test_a_huge_body_is_refused_before_it_is_read(host: AgentHost) -> None:
    with socket.create_connection(("127.0.0.1", host.port), timeout=10) as connection:
        head = f"POST /webhook/site HTTP/1.1\r\nHost: x\r\nContent-Length: {100 * 1024**2}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_that_turns_out_huge_is_refused_on_the_way(host: AgentHost) -> None:
    with socket.create_connection(("127.0.0.1", host.port), timeout=30) as connection:
        connection.sendall(b"POST /webhook/site HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        try:
            for _ in range(40):
                connection.sendall(piece)
        except OSError:
            pass
        connection.settimeout(10)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_whoever_guesses_tokens_has_to_wait_and_others_do_not(host: AgentHost) -> None:
    def guess() -> int:
        return host.post("/webhook/site", b"{}", {"X-Gitlab-Token": "guess", "X-Real-IP": "192.0.2.7"})[0]

    assert {guess() for _ in range(30)} == {401, 429}
    assert host.post("/webhook/site", b"{}", {"X-Gitlab-Token": "x", "X-Real-IP": "192.0.2.8"})[0] == 401


@pytest.mark.parametrize("hook", ["site", "nobody"])
def test_what_strangers_send_from_a_forges_address_refuses_nothing_that_is_signed(
    host: AgentHost, hook: str
) -> None:
    """GitHub, GitLab.com and others send everybody's hooks from the same addresses."""
    forge = {"X-Real-IP": "140.82.115.1"}
    stranger = [host.post(f"/webhook/{hook}", b"{}", forge)[0] for _ in range(30)]
    assert stranger[-1] == 429
    status, answer = host.push("site", "b" * 40, branch="other", headers=forge)
    assert (status, answer) == (200, {"ignored": "other is not main"})
    token = {**forge, "X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Issue Hook"}
    assert host.post("/webhook/site", b"{}", token)[0] == 200


@pytest.mark.parametrize("body", [b'{"ref": "refs/heads/\\ud800"}', b'{"ref": "\\udc00x"}'])
def test_half_a_character_in_a_signed_body_is_refused(host: AgentHost, body: bytes) -> None:
    headers = {"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": "Push Hook"}
    status, answer = host.post("/webhook/site", body, headers)
    assert (status, answer["error"]["code"]) == (400, "payload")
