"""HTTP/1.1 over a stream, as simple as possible."""

from __future__ import annotations

import asyncio

from benchmarks.load.target import Answer, DroppedError, Target


class Http1:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._open = True

    @classmethod
    async def open(cls, target: Target) -> Http1:
        return cls(*await target.connect())

    @property
    def usable(self) -> bool:
        return self._open and not self._reader.at_eof()

    def close(self) -> None:
        self._open = False
        self._writer.close()

    async def ask(self, target: Target) -> Answer:
        """Send the request once and read its answer.

        Raises:
            DroppedError: the connection ended first.
        """
        try:
            self._writer.write(_request(target))
            await self._writer.drain()
            return await self._answer()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            self.close()
            raise DroppedError(f"{type(error).__name__}") from None

    async def _answer(self) -> Answer:
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        status = int(first.split()[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._body(fields)
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, body)

    async def _body(self, fields: dict[str, str]) -> bytes:
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if "content-length" in fields:
            return await self._reader.readexactly(int(fields["content-length"]))
        self._open = False
        return await self._reader.read()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readuntil(b"\r\n")
        return body


def _request(target: Target) -> bytes:
    fields = [("Host", target.host), *target.headers]
    if target.body or target.method not in ("GET", "HEAD"):
        fields.append(("Content-Length", str(len(target.body))))
    if not target.keep_alive:
        fields.append(("Connection", "close"))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{target.method} {target.path} HTTP/1.1\r\n{head}\r\n".encode() + target.body
