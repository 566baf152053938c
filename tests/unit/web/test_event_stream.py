"""Streams of events: when they end, and what they leave in memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nuwa.web.event_stream import EventStream


async def answered(source: AsyncIterator[bytes], leave: asyncio.Event | None = None) -> list[bytes]:
    """What a reader gets who stays, or leaves when that is said."""
    got = []

    async def receive() -> dict[str, Any]:
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        got.append(message.get("body", b""))

    await asyncio.wait_for(EventStream(source)({"type": "http"}, receive, send), 30)
    return got


def test_it_ends_with_its_source():
    async def source() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    assert asyncio.run(answered(source())) == [b"", b"one", b"two", b""]


def test_a_reader_who_leaves_ends_the_source():
    async def work() -> None:
        leave, ended = asyncio.Event(), asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                leave.set()
                await asyncio.Event().wait()
            finally:
                ended.set()

        assert await answered(source(), leave) == [b"", b"one"]
        assert ended.is_set()

    asyncio.run(work())


def test_a_source_that_fails_fails_the_answer():
    async def source() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(answered(source()))


def test_neither_an_event_nor_a_file_loads_another_event_loop():
    """anyio's stays in memory for good, and nothing here needs it."""
    code = """
import asyncio, sys
from nuwa.dashboard import formatting, login
from nuwa.web.event_stream import EventStream
from starlette.requests import Request

async def source():
    yield b"event"

async def receive():
    await asyncio.sleep(60)

async def send(message):
    print(len(message.get("body", b"")))

async def work():
    scope = {"type": "http", "method": "GET", "path": formatting.asset("app.css"), "headers": []}
    scope["path_params"] = {"name": "app.css"}
    file = await login.static(Request(scope))
    for answer in (EventStream(source()), file):
        await answer(scope, receive, send)

asyncio.run(work())
print("anyio._backends._asyncio" in sys.modules)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    *_, size, is_loaded = shown.split()
    assert (int(size) > 1000, is_loaded) == (True, "False")
