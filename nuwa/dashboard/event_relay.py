"""One stream from the agent for all browsers: it begins with the first of them, and ends after the last."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from nuwa.access import rights
from nuwa.agent.client import AgentDown, exchange
from nuwa.dashboard.responses import html
from nuwa.dashboard.state import Board
from nuwa.web.sse import Watchers, encode

LINGER_S = 20.0
"""Seconds for which the stream continues after the last browser left: most come back at once."""
FIRST_ANSWER_TIMEOUT_S, NEXT_ANSWER_TIMEOUT_S = 15.0, 1.0
"""Seconds that a page waits for the agent's first answer, and for the next one after it was down."""
RETRY_DELAYS_S = 0.5, 5.0
"""Seconds between two tries to reach the agent: the first, and the most."""
GATHER_S = 0.25
"""Seconds for which lines of the log are gathered, so that a flood makes few events."""
SILENCE_TIMEOUT_S = 45.0
"""Seconds without data after which the agent counts as down: it sends something every 15."""
KEPT_EVENTS = 300
"""Events that a browser can catch up on; one that missed more reloads the page."""
_SELF = {"X-Nuwa-As": rights.DASHBOARD}
_ANYBODY = rights.grant_of_host()
"""Rendered once for all browsers, with all buttons; each removes those that its session may not use."""


class Relay:
    """Keeps the state up to date, and sends browsers what changed.

    Args:
        socket: the control socket.
    """

    def __init__(self, socket: Path) -> None:
        self.board = Board()
        self.is_up = False
        self.changed_at = time.time()
        """Since when the agent is up or down."""
        self._socket = socket
        self._watchers = Watchers()
        self._epoch, self._number = secrets.token_hex(4), 0
        self._past: deque[tuple[int, bytes]] = deque(maxlen=KEPT_EVENTS)
        self._dirty: set[str] = set()
        self._is_stale = False
        """Whether there are other services or webhooks than the board knows."""
        self._first = asyncio.Event()
        """Set while the board is as the agent says."""
        self._tried = asyncio.Event()
        """Set once a first request to the agent has ended, with or without success."""
        self._hurry = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._touched = float("-inf")

    @property
    def position(self) -> str:
        """Where in the stream of events the board stands."""
        return f"{self._epoch}-{self._number}"

    async def ready(self) -> Board:
        """The board, up to date as far as the agent answers.

        Raises:
            AgentDown: it does not, and never did.
        """
        self._wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEXT_ANSWER_TIMEOUT_S if self.board.rows else FIRST_ANSWER_TIMEOUT_S):
                await (self._first if self.board.rows else self._tried).wait()
        if not self.board.rows:
            raise AgentDown("the agent does not answer", hint="nuwa start ci, or nuwa log ci")
        return self.board

    async def watch(self, position: str) -> AsyncIterator[bytes]:
        """The events after a position, as they come."""
        self._wake()
        with self._watchers.join() as queue:
            for frame in self._missed(position):
                yield frame
            yield encode("agent", self._state())
            try:
                while True:
                    name, frame = await queue.get()
                    yield encode("reload", {}, self.position) if name == "overflow" else frame
            finally:
                self._touched = time.monotonic()

    def close(self) -> None:
        """Leave the agent."""
        if self._work:
            self._work.cancel()

    def _wake(self) -> None:
        self._touched = time.monotonic()
        self._hurry.set()
        if self._work is None or self._work.done():
            self._first.clear()
            self._tried.clear()
            self._work = asyncio.create_task(self._run())

    def _missed(self, position: str) -> list[bytes]:
        """What came after a position; when that is not known any more, the order to load all again."""
        epoch, _, number = position.partition("-")
        if epoch == self._epoch and number.isdecimal():
            if int(number) == self._number:
                return []
            if self._past and self._past[0][0] <= int(number) + 1:
                return [frame for at, frame in self._past if at > int(number)]
        return [encode("reload", {}, self.position)]

    def _is_wanted(self) -> bool:
        return bool(self._watchers) or time.monotonic() - self._touched < LINGER_S

    async def _run(self) -> None:
        """Follow the agent's stream while a browser needs it, also across failures of the agent."""
        pause = RETRY_DELAYS_S[0]
        gathering = asyncio.create_task(self._gather())
        try:
            while self._is_wanted():
                with contextlib.suppress(AgentDown):
                    async with exchange(self._socket, "GET", "/watch", headers=_SELF) as reply:
                        async for frame in frames(_until_silent(reply.pieces)):
                            self._take(*frame)
                            pause = RETRY_DELAYS_S[0]
                            if not self._is_wanted():
                                return
                self._turn(False)
                self._hurry.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._hurry.wait()
                pause = min(pause * 2, RETRY_DELAYS_S[1])
        finally:
            gathering.cancel()

    def _take(self, name: str, data: Any) -> None:
        """One event of the agent."""
        board = self.board
        if name in ("ls", "overflow"):
            is_new, rows, hooks = board.load(data)
            self._turn(True)
            if is_new:
                self._tell("reload", {})
            for row in rows:
                self._tell_row(row)
            for hook in hooks:
                self._tell_hook(hook)
        elif name == "history":
            board.load_history(data["services"])
        elif name == "sample":
            if changed := board.sample(data["services"]):
                self._watchers.publish("frame", encode("sample", {"time": data["time"], "services": changed}))
        elif name == "line":
            if board.add(data):
                self._dirty.add(data["service"])
        elif name == "service":
            self._tell_row(data["name"]) if board.put(data) else self._invalidate()
        elif name == "hook":
            self._tell_hook(data["name"]) if board.put_hook(data) else self._invalidate()
        elif name == "output":
            self._take_output(data)
        elif name == "alert":
            self._tell(name, data)

    def _take_output(self, data: Any) -> None:
        is_news = self.board.grow(data)
        if is_news is None:
            self._invalidate()
        elif is_news:
            self._tell_hook(data["hook"])
        else:
            self._tell("output", data)

    def _invalidate(self) -> None:
        self._is_stale = True

    async def _gather(self) -> None:
        while True:
            await asyncio.sleep(GATHER_S)
            if self._is_stale:
                await self._load()
            names, self._dirty = self._dirty & set(self.board.rows), set()
            if names:
                self._tell("lines", {name: html("lines", row=self.board.rows[name]) for name in names})

    async def _load(self) -> None:
        """Request the whole state again: the agent's stream does not report what was removed."""
        self._is_stale = False
        with contextlib.suppress(AgentDown):
            async with exchange(self._socket, "GET", "/ls", headers=_SELF) as reply:
                listing = json.loads(await reply.body())
            if reply.status == 200:
                self.board.load(listing)
                self._tell("reload", {})

    def _tell_row(self, name: str) -> None:
        row = self.board.rows[name]
        self._tell("row", {"name": name, "status": row["status"], "html": html("row", row=row, may=_ANYBODY)})

    def _tell_hook(self, name: str) -> None:
        hook = self.board.hooks[name]
        about = {"name": name, "state": hook["state"], "run": hook["run"]}
        self._tell("hook", {**about, "html": html("hook", hook=hook, proof="", may=_ANYBODY)})

    def _tell(self, name: str, data: Any) -> None:
        self._number += 1
        frame = encode(name, data, self.position)
        self._past.append((self._number, frame))
        self._watchers.publish("frame", frame)

    def _turn(self, is_up: bool) -> None:
        self._first.set() if is_up else self._first.clear()
        self._tried.set()
        if is_up != self.is_up:
            self.is_up, self.changed_at = is_up, time.time()
            self._watchers.publish("frame", encode("agent", self._state()))

    def _state(self) -> dict[str, Any]:
        return {"up": self.is_up, "since": self.changed_at}


async def _until_silent(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a stream, until it falls silent."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(SILENCE_TIMEOUT_S):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece


async def frames(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, Any]]:
    """Names and data of the events in a stream."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        if b"\n\n" not in piece and not buffer.endswith(b"\n\n"):
            continue
        *whole, rest = buffer.split(b"\n\n")
        buffer = bytearray(rest)
        for block in whole:
            fields = dict(line.partition(b": ")[::2] for line in bytes(block).split(b"\n"))
            if b"event" in fields:
                yield fields[b"event"].decode(), json.loads(fields.get(b"data", b"null"))
