"""HTTP/2 over TLS: one stream at a time on a connection, which is read continuously, as browsers do."""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import Frame, GoAwayFrame

from benchmarks.load.target import Answer, DroppedError, Target, UnprocessedError

CHUNK = 64 * 1024


class _Connection(H2Connection):
    """After a GOAWAY, h2 would accept nothing more; but the server still answers accepted streams."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.last_stream_id = frame.last_stream_id
        return [], [event]


class Http2:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = _Connection(H2Configuration(header_encoding=None))
        self._protocol.initiate_connection()
        self._leaving = False
        self._stream = 0
        self._status = 0
        self._body = b""
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, target: Target) -> Http2:
        return cls(*await target.connect())

    @property
    def usable(self) -> bool:
        return not self._leaving

    def close(self) -> None:
        self._leaving = True
        self._reading.cancel()
        self._writer.close()

    async def ask(self, target: Target) -> Answer:
        """Send the request once, as a new stream, and wait for its answer.

        Raises:
            UnprocessedError: the server stated that it has not processed the request.
            DroppedError: the connection or the stream ended first.
        """
        self._status, self._body = 0, b""
        self._answer = asyncio.get_running_loop().create_future()
        self._send(target)
        return await self._answer

    def _send(self, target: Target) -> None:
        self._stream = self._protocol.get_next_available_stream_id()
        fields = [
            (":method", target.method),
            (":scheme", "https"),
            (":authority", target.host),
            (":path", target.path),
            *((name.lower(), value) for name, value in target.headers),
        ]
        self._protocol.send_headers(self._stream, fields, end_stream=not target.body)
        if target.body:
            self._protocol.send_data(self._stream, target.body, end_stream=True)
        self._writer.write(self._protocol.data_to_send())

    async def _read(self) -> None:
        """Read until the connection ends; after that, no more answers will arrive."""
        try:
            while data := await self._reader.read(CHUNK):
                for event in self._protocol.receive_data(data):
                    self._take(event)
                self._writer.write(self._protocol.data_to_send())
            self._fail(DroppedError("connection closed"))
        except (OSError, ProtocolError) as error:
            self._fail(DroppedError(type(error).__name__))
        finally:
            self._leaving = True

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self._leaving = True
            if (event.last_stream_id or 0) < self._stream:
                self._fail(UnprocessedError("GOAWAY"))
        elif isinstance(event, StreamReset):
            refused = event.error_code == ErrorCodes.REFUSED_STREAM
            self._fail(UnprocessedError("REFUSED_STREAM") if refused else DroppedError("stream reset"))
        elif isinstance(event, ResponseReceived):
            self._status = int(dict(event.headers)[b":status"])
        elif isinstance(event, DataReceived):
            self._body += event.data
            self._protocol.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, StreamEnded) and not self._answer.done():
            self._answer.set_result(Answer(self._status, self._body))

    def _fail(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # marks it as retrieved: if nobody waits, no warning is logged
