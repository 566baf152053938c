"""One HTTP request for a check: with an overall deadline, a limited answer, and no blocked thread."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

CHUNK_BYTES = 65536


class NoAnswer(OSError):
    """There was no valid answer."""


@dataclass(frozen=True)
class Target:
    """The address of a request.

    Args:
        tls: the TLS context; None: no TLS.
        name: the server's name for TLS; empty: the host's.
    """

    host: str
    port: int
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    name: str = ""


async def get(target: Target, *, seconds: float, most: int) -> tuple[int, bytes]:
    """Status and beginning of the body.

    Args:
        seconds: for the whole request, from the name lookup to the last byte. The timeout of a socket would
            start again with each byte received.
            most: maximum number of bytes of the body to read.

            Raises:
            NoAnswer: with a message for the user.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _get(target, most)
    except TimeoutError:
        raise NoAnswer(f"it took longer than {seconds:g} s") from None
    except h11.ProtocolError as error:
        raise NoAnswer(f"it is not HTTP: {error}") from None
    except (OSError, UnicodeError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from None


async def _get(target: Target, most: int) -> tuple[int, bytes]:
    name = (target.name or target.host) if target.tls else None
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=target.tls, server_hostname=name
    )
    try:
        return await _exchange(reader, writer, target, most)
    finally:
        # Abort instead of closing: an unresponsive peer may not complete an orderly close either.
        writer.transport.abort()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, most: int
) -> tuple[int, bytes]:
    connection = h11.Connection(h11.CLIENT)
    headers = {"Host": target.host, "Connection": "close", **target.headers}
    request = h11.Request(method="GET", target=target.path, headers=list(headers.items()))
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    status, body = 0, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            piece = await reader.read(CHUNK_BYTES)
            if not piece and not status:
                raise NoAnswer("the connection was closed without an answer")
            connection.receive_data(piece)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        elif not isinstance(event, h11.InformationalResponse):
            return status, bytes(body)
        if len(body) >= most:
            return status, bytes(body[:most])
