"""What happens, told to those who watch: a slow watcher misses events, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from nuwa.web.json_text import to_json

MAX_QUEUED_EVENTS = 1000
"""Events that wait for one watcher; beyond that it is told to start over."""
KEEPALIVE_S = 15.0
"""Seconds after which a silent stream says that it is there; the dashboard's too."""

Event = tuple[str, Any]


class Watchers:
    """Everybody who watches."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()
        self.arrived = asyncio.Event()
        """Set while somebody watches."""

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
        """Tell everybody."""
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
    """A stream that says something now and then, so that nobody takes it for dead."""
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
