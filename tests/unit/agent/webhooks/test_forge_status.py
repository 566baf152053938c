"""Requests to forges: a bounded time for all of it, and no redirect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from nuwa.agent.webhooks import forge_status
from nuwa.agent.webhooks.forge_requests import Call
from nuwa.agent.webhooks.forge_status import ForgeFailed

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def ask(reply: Reply) -> object:
    """What a request comes to when a server replies like this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await reply(writer)
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def work() -> object:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await forge_status._request(Call("GET", f"http://127.0.0.1:{port}/api", None, {"X": "y"}))

    return asyncio.run(work())


async def _text(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.encode())


def test_the_value_of_an_answer():
    assert ask(lambda writer: _text(writer, 'HTTP/1.0 200 OK\r\n\r\n{"number": 7}')) == {"number": 7}
    assert ask(lambda writer: _text(writer, "HTTP/1.0 200 OK\r\n\r\nnothing that is JSON")) is None


@pytest.mark.parametrize(
    ("status", "again", "said"),
    [("401 No", False, "the token is valid"), ("302 Found\r\nLocation: http://127.0.0.1:1/", False, "302"),
     ("503 Busy", True, "503"), ("nonsense", True, "failed")],
)  # fmt: skip
def test_what_is_refused_and_whether_another_try_may_succeed(status: str, again: bool, said: str):
    with pytest.raises(ForgeFailed, match=said) as caught:
        ask(lambda writer: _text(writer, f"HTTP/1.0 {status}\r\n\r\n"))
    assert caught.value.again is again


def test_a_forge_that_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forge_status, "TIMEOUT_S", 3.0)

    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.1)

    begun = time.monotonic()
    with pytest.raises(ForgeFailed, match="longer than 3 s"):
        ask(drip)
    assert time.monotonic() - begun < 20
