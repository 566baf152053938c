"""Talks to the control API over its unix socket: for the command line, and in an event loop."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from nuwa.errors import NuwaError

if TYPE_CHECKING:
    import asyncio

    import h11

RESPONSE_TIMEOUT_S = 300.0
"""Seconds for an answer: a restart waits until the service is healthy."""


class AgentDown(NuwaError):
    """Nothing answers at the control socket."""


class Refused(NuwaError):
    """The agent answered with an error.

    Args:
        status: of HTTP.
        error: the error's body.
    """

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        problems = error.get("problems") or []
        details = "\n".join(map(_row, problems))
        super().__init__(error["message"], hint=error.get("hint", ""), details=details)
        self.status = status
        self.code: str = error["code"]
        self.problems: list[dict[str, Any]] = problems


def _row(problem: Mapping[str, Any]) -> str:
    """A problem of a configuration: place, message and remedy."""
    line = f"line {problem['line']}: " if problem.get("line") else ""
    hint = f"\n    → {problem['hint']}" if problem.get("hint") else ""
    return f"{line}{problem['path']}: {problem['message']}{hint}"


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("nuwa", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """A synchronous client.

    Args:
        path: the control socket.
        headers: for every request, such as the caller.
    """

    def __init__(self, path: Path, headers: Mapping[str, str] | None = None) -> None:
        self._path, self._headers = path, dict(headers or {})

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Any:
        """The value that a request is answered with.

        Raises:
            AgentDown: nobody answers.
            Refused: the answer is an error.
        """
        status, raw = self._exchange(method, path, body, headers or {}, query)
        value = json.loads(raw)
        if status >= 400:
            raise Refused(status, value["error"])
        return value

    def text(self, path: str) -> str:
        """The body of an answer as it is."""
        status, raw = self._exchange("GET", path, None, {}, {})
        if status >= 400:
            raise Refused(status, json.loads(raw)["error"])
        return raw.decode()

    def events(self, path: str, **query: str) -> Iterator[tuple[str, Any]]:
        """Names and data of a stream's events, until it ends."""
        connection = self._connected(None)
        try:
            connection.request("GET", _with_query(path, query))
            answer = connection.getresponse()
            if answer.status >= 400:
                raise Refused(answer.status, json.loads(answer.read())["error"])
            name = ""
            for raw in answer:
                key, _, value = raw.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)
        except (OSError, http.client.HTTPException):
            raise AgentDown("the agent stopped", hint="nuwa restart ci") from None
        finally:
            connection.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection = self._connected(RESPONSE_TIMEOUT_S)
        try:
            sent = {name: _ascii(value) for name, value in {**self._headers, **headers}.items()}
            connection.request(method, _with_query(path, query), body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise AgentDown(f"the agent did not respond: {error}", hint="nuwa log ci") from None
        finally:
            connection.close()

    def _connected(self, timeout: float | None) -> _Connection:
        connection = _Connection(self._path, timeout)
        try:
            connection.connect()
        except PermissionError:
            raise NuwaError(f"this user may not access {self._path}", hint="Run it with sudo.") from None
        except OSError as error:
            message = f"the agent does not answer at {self._path}: {error.strerror}"
            raise AgentDown(message, hint="nuwa start ci, or nuwa host check") from None
        return connection


def _ascii(text: str) -> str:
    """What every header may hold."""
    return text.encode("ascii", "replace").decode()


def _with_query(path: str, query: Mapping[str, str]) -> str:
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


@dataclass(frozen=True)
class Reply:
    """The beginning of an answer, and its body as it comes."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

    async def body(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.pieces])


@asynccontextmanager
async def exchange(
    socket_path: Path, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Reply]:
    """One request over the control socket, in an event loop; the answer is read while the block runs.

    Args:
        target: path and query.

    Raises:
        AgentDown: nobody answers, or the connection closes early.
    """
    import asyncio

    import h11

    try:
        reader, writer = await asyncio.open_unix_connection(str(socket_path))
    except OSError as error:
        raise AgentDown(f"the agent does not answer: {error.strerror}") from None
    connection = h11.Connection(h11.CLIENT)
    sent = {"Host": "nuwa", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    # Headers are bytes: what a browser sent in one is passed on unchanged.
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in sent.items()]
    try:
        request = h11.Request(method=method, target=target, headers=raw)
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        head = await _next_event(connection, reader)
        if not isinstance(head, h11.Response):
            raise AgentDown("the agent closed the connection")
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        yield Reply(head.status_code, named, _pieces(connection, reader))
    except (OSError, h11.RemoteProtocolError):
        raise AgentDown("the agent closed the connection") from None
    finally:
        writer.close()


async def _pieces(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    import h11

    while isinstance(event := await _next_event(connection, reader), h11.Data):
        yield bytes(event.data)


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    import h11

    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(65536))
    return event
