"""A client that reaches a lab host's site as a browser would: by name, over verified TLS, keeping cookies."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class _Connection(http.client.HTTPSConnection):
    """Asks for `host` at another address, as the name would lead to."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.domain, site.port, timeout=20)
        self._site = site

    def connect(self) -> None:
        self.sock = self._site.connect()


@dataclass
class Site:
    """A site on 127.0.0.1, trusted by one certificate alone.

    Attributes:
        certificate: PEM text; everything else is refused.
    """

    domain: str
    port: int
    certificate: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"https://{self.domain}:{self.port}"

    def connect(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=self.certificate)
        # The certificate is its own authority: what is trusted is exactly this one.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return context.wrap_socket(plain, server_hostname=self.domain)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(headers or {}),
        }
        connection = _Connection(self)
        connection.request(method, path, body=body or None, headers={k: v for k, v in sent.items() if v})
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return answer

    def post_form(
        self, path: str, values: Mapping[str, str], files: Mapping[str, tuple[str, bytes]] | None = None
    ) -> Answer:
        """Send a form as a browser does, with the headers that tell a site its own forms."""
        boundary = uuid.uuid4().hex
        parts = [_part(boundary, f'name="{name}"', value.encode()) for name, value in values.items()]
        parts += [
            _part(boundary, f'name="{name}"; filename="{filename}"', content)
            for name, (filename, content) in (files or {}).items()
        ]
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Origin": self.origin,
            "Referer": f"{self.origin}{path}",
        }
        return self.ask("POST", path, b"".join(parts) + f"--{boundary}--\r\n".encode(), headers)

    def websocket(self, path: str) -> WebSocket:
        return WebSocket(self, path)


def _part(boundary: str, disposition: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


class WebSocket:
    """As much of RFC 6455 as a test needs: short binary messages there, any short messages back."""

    def __init__(self, site: Site, path: str) -> None:
        self._socket = site.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {site.domain}:{site.port}",
            f"Origin: {site.origin}",
            *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
            *(f"Sec-WebSocket-Key: {key}", "", ""),
        ]
        self._socket.sendall("\r\n".join(lines).encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline() not in (b"\r\n", b""):
            pass

    def send(self, message: bytes, kind: int = 2) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(message))
        self._socket.sendall(bytes([0x80 | kind, 0x80 | len(message)]) + mask + masked)

    def receive(self) -> tuple[str, bytes]:
        """The next message: its kind (`text`, `binary`, `close`, …) and its content."""
        first, second = self._file.read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._file.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._file.read(8))
        kind = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}[first & 0x0F]
        content = self._file.read(length)
        if kind == "ping":
            self.send(content, 10)
        return kind, content

    def close(self) -> None:
        self._socket.close()
