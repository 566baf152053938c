"""Publishes events to watchers: a slow watcher misses events, without delaying the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from nuwa.web.json_text import to_json

MAX_QUEUED_EVENTS = 1000
"""Events that wait for one watcher; beyond that, `overflow` replaces them."""
KEEPALIVE_S = 15.0
"""Seconds of silence after which a stream, also the dashboard's, sends a comment."""

Event = tuple[str, Any]


class Watchers:
    """All current watchers."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()
        self.arrived = asyncio.Event()
        """Set while there is a watcher."""

    def __len__(self) -> int:
        return len(self._queues)

    @contextmanager
    def join(self) -> Iterator[asyncio.Queue[Event]]:
        """Watch while the block runs."""
        queue: asyncio.Queue[Event] = asyncio.Queue(MAX_QUEUED_EVENTS)
        self._queues.add(queue)
        self.arrived.set()
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            if not self._queues:
                self.arrived.clear()

    def publish(self, name: str, data: Any) -> None:
        """Send an event to all watchers."""
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("overflow", {}))
            queue.put_nowait((name, data))


def encode(name: str, data: Any, identity: str = "") -> bytes:
    """One event of a `text/event-stream`; data in bytes are JSON already."""
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {name}\ndata: ".encode() + to_json(data) + b"\n\n"


async def keep_alive(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A stream with a comment after each `KEEPALIVE_S` of silence, so that it is not closed as idle."""
    iterator = aiter(source)
    pending: asyncio.Task[bytes] = asyncio.ensure_future(anext(iterator))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=KEEPALIVE_S)
            if not done:
                yield b": alive\n\n"
                continue
            try:
                yield pending.result()
            except StopAsyncIteration:
                return
            pending = asyncio.ensure_future(anext(iterator))
    finally:
        pending.cancel()
        await asyncio.wait({pending})
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
