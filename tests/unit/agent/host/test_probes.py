"""Whether a process answers, asked with one deadline for all of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.config.model import Process, SiteCheck
from nuwa.agent.host import http_fetch, probes
from nuwa.agent.host.http_fetch import NoAnswer, Target
from nuwa.agent.monitor import certificates, checks

LONG = 1000
"""Bytes that a slow server has to send, one each tenth of a second: much longer than any test waits."""


class Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def serving(answer: Callable[[Any], None]) -> Iterator[int]:
    """A server's port."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                answer(self.request)

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def drip(head: bytes) -> Callable[[Any], None]:
    def answer(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(head)
        for _ in range(LONG):
            connection.sendall(b"a")
            time.sleep(0.1)

    return answer


def plain(raw: bytes) -> Callable[[Any], None]:
    def answer(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    return answer


def process(port: int, **health: Any) -> Process:
    document = {"processes": {"web": {"script": "/a", "ports": [port], "health": health}}}
    return validate(json.dumps(document), "config.json").config.processes["web"]


SLOW = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("head", SLOW)
def test_a_server_that_answers_a_byte_at_a_time_holds_nobody(head: bytes) -> None:
    with serving(drip(head)) as port:
        asked = process(port, path="/", timeout=1, start_period=2)
        assert "took longer than" in asyncio.run(probes.fault(asked, [port]))
        assert "did not become healthy within 2 s" in probes.wait(asked, [port], lambda: True)
        finding = asyncio.run(checks.site(SiteCheck(f"http://127.0.0.1:{port}/", timeout=1)))
        assert (finding.state, "took longer than 1 s" in finding.message) == ("failed", True)


@pytest.mark.timeout(60)
def test_a_server_that_does_not_come_to_its_certificate_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "TIMEOUT_S", 0.5)
    with serving(drip(b"\x16\x03\x03\x40\x00")) as port:
        assert asyncio.run(certificates.served("example.org", port=port)) is None
        check = SiteCheck(f"https://127.0.0.1:{port}/", timeout=1)
        assert asyncio.run(checks.site(check)).state == "failed"


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", ""),
        (b"HTTP/1.0 500 Oh\r\n\r\nno database", "answered 500: no database"),
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"x" * 300, ""),
    ],
)
def test_an_answer_is_judged_by_its_status(raw: bytes, fault: str) -> None:
    with serving(plain(raw)) as port:
        found = asyncio.run(probes.fault(process(port, path="/health"), [port]))
        assert fault in found if fault else found == ""


def test_nobody_at_a_port_is_said_so() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        found = asyncio.run(probes.fault(process(port), [port]))
    assert f"nothing answers at 127.0.0.1 port {port}" in found


def test_of_a_long_page_only_the_beginning_is_read() -> None:
    with serving(plain(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000)) as port:
        status, body = asyncio.run(http_fetch.get(Target("127.0.0.1", port), seconds=10, most=5000))
        assert (status, len(body)) == (200, 5000)


def test_a_name_that_does_not_exist_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        asyncio.run(http_fetch.get(Target("nowhere.invalid", 80), seconds=10, most=1))
