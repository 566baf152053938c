"""Several alerts, few messages."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.config.model import Mail, Monitor
from nuwa.agent.monitor import allowance, child, notifications
from nuwa.agent.monitor.monitor import Monitor as Rounds


def alert(number: int, message: str = "stopped") -> Any:
    return {
        "time": 0.0,
        "check": f"process s{number}",
        "state": "failed",
        "message": message,
        "action": "",
        "advice": "",
    }


def test_many_alerts_make_one_message_and_messages_are_few() -> None:
    subject, text = notifications.compose([alert(number) for number in range(50)], "host1")
    assert subject == "[nuwa] host1: process s0 failed and 49 more"
    assert len(text.splitlines()) == 50
    allowed = allowance.Allowance()
    assert [allowed.take(3) for _ in range(5)] == [True, True, True, False, False]


def test_a_message_is_as_long_as_the_kernel_takes_it_and_the_rest_comes_later() -> None:
    settings = Monitor(webhook="http://127.0.0.1:1/")
    made = child.message(settings, [alert(number, "ö" * 2000) for number in range(100)], "/")
    assert 0 < len(made["alerts"]) < 100
    assert len(child.message(settings, [alert(1, "x" * 500_000)], "/")["alerts"]) == 1
    assert child.message(Monitor(), [alert(1)], "/") == {}


@contextmanager
def receiver(got: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_the_process_reaches_one_way_and_says_why_the_other_failed() -> None:
    got: list[str] = []
    with receiver(got) as url:
        mail = Mail(
            server="127.0.0.1", port=1, sender="a@example.org", to=("b@example.org",), security="none"
        )
        message = child.message(replace(Monitor(), mail=mail, webhook=url), [alert(1)], "/")
        code, said = asyncio.run(child.run(message, 60))
    assert code == 0
    assert "could not be mailed over 127.0.0.1:1" in said
    assert "process s1" in got[0]


def test_who_answers_a_byte_now_and_then_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(b"2")
                        time.sleep(0.1)
                except OSError:
                    pass

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        message = child.message(Monitor(webhook=url), [alert(1)], "/")
        with pytest.raises(TimeoutError):
            asyncio.run(child.run(message, 3))


@pytest.mark.parametrize("password", [b"\xff-secret", "pässwort".encode()])
def test_a_password_that_smtp_cannot_send_is_a_reason_and_not_in_it(
    password: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_bytes(password)

    class Server:
        def login(self, user: str, word: str) -> None:
            f"{user}{word}".encode("ascii")

    monkeypatch.setattr(notifications, "_server", lambda _: nullcontext(Server()))
    mail = Mail(to=("a@example.org",), sender="b@example.org", user="ada", password_file="password")
    message = child.message(replace(Monitor(), mail=mail), [alert(1)], str(tmp_path))
    is_sent, (reason,) = notifications.deliver(message)
    assert not is_sent
    assert reason.endswith("user or password is not ASCII")


def test_a_process_that_says_nothing_is_a_reason_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def ended(*_: Any) -> tuple[int, str]:
        return 1, ""

    monkeypatch.setattr(child, "run", ended)
    assert not asyncio.run(Rounds._is_sent({}))
    assert "exit code 1" in caplog.text
