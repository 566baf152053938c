"""Streams of events to browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nuwa.dashboard import request_context
from nuwa.errors import NuwaError
from nuwa.web.event_stream import EventStream
from nuwa.web.sse import KEEPALIVE_S


def answer(request: Request, source: AsyncIterator[bytes]) -> Response:
    """A stream that ends with its source, with the visitor's session, and with the dashboard."""
    return EventStream(_alive(request, source))


async def _alive(request: Request, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    iterator = aiter(source)
    ending: asyncio.Future[Any] = asyncio.ensure_future(request_context.dashboard(request).ending.wait())
    pending: asyncio.Future[Any] = asyncio.ensure_future(anext(iterator))
    try:
        while request_context.is_welcome(request) and not ending.done():
            await asyncio.wait({pending, ending}, timeout=KEEPALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if not pending.done():
                yield b": alive\n\n"
                continue
            try:
                yield pending.result()
            except (StopAsyncIteration, NuwaError):
                return
            pending = asyncio.ensure_future(anext(iterator))
    finally:
        ending.cancel()
        pending.cancel()
        await asyncio.wait({pending})
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
