"""A request to a server, and the ways in which the server can fail to answer."""

from __future__ import annotations

import asyncio
import functools
import ssl
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

CONNECT_SECONDS = 10


class DroppedError(Exception):
    """The connection ended or violated the protocol before the answer was complete. The message says how."""


class UnprocessedError(Exception):
    """HTTP/2 guaranteed that the request was not processed (GOAWAY, REFUSED_STREAM): it may be sent again."""


@dataclass(frozen=True)
class Target:
    """One request, and where it goes.

    Args:
        url: `http://` or `https://`; for `https`, the certificate is not verified.
        address: host and port to connect to, if they are not those of the URL.
        method: GET, POST, …
        body: the request body.
        http2: speak HTTP/2 (over TLS) instead of HTTP/1.1.
        keep_alive: reuse the connection for later requests.
    """

    url: str
    address: tuple[str, int] | None = None
    method: str = "GET"
    body: bytes = b""
    http2: bool = False
    keep_alive: bool = True
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def secure(self) -> bool:
        return self.url.startswith("https:")

    @property
    def host(self) -> str:
        """The Host header, with the port unless it is the scheme's default."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection.

        Raises:
            DroppedError: it was refused, reset, or not established in time.
        """
        parts = urlsplit(self.url)
        host, port = self.address or (parts.hostname or "", parts.port or (443 if self.secure else 80))
        tls = _tls("h2" if self.http2 else "http/1.1") if self.secure else None
        try:
            opening = asyncio.open_connection(
                host, port, ssl=tls, server_hostname=parts.hostname if tls else None
            )
            return await asyncio.wait_for(opening, CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise DroppedError(f"connect: {type(error).__name__}") from None


@functools.cache
def _tls(protocol: str) -> ssl.SSLContext:
    """Cached: a context for each connection would cost more than the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Connection(Protocol):
    """One connection, for one request at a time."""

    @property
    def usable(self) -> bool:
        """Whether, as far as the client knows, another request may be sent."""

    async def ask(self, target: Target) -> Answer: ...

    def close(self) -> None: ...
