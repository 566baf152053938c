"""Bodies of requests, read with a limit on their size and on the time that they take."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

BODY_TIMEOUT_S = 20.0
MAX_LENGTH_DIGITS = 18
"""Digits of a Content-Length; Python's `int` refuses numbers with thousands of digits."""


async def read(request: Request, most: int) -> bytes:
    """The body of a request.

    Args:
        most: maximum size in bytes; a larger body is refused before all of it is read.

    Raises:
        HTTPException: 413 too large, 408 too slow, 400 interrupted.
    """
    length = request.headers.get("content-length", "0")
    if len(length) > MAX_LENGTH_DIGITS or (length.isdecimal() and int(length) > most):
        raise HTTPException(413, f"the body is larger than {most} bytes", {"Connection": "close"})
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise HTTPException(413, f"the body is larger than {most} bytes", {"Connection": "close"})
    except TimeoutError:
        raise HTTPException(
            408, f"the body took longer than {BODY_TIMEOUT_S:g} s", {"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise HTTPException(400, "the client disconnected before sending the whole body") from None
    return bytes(body)
