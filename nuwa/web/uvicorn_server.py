"""How both processes of the host answer HTTP: on sockets that are there, until they are asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import types
from collections.abc import Callable, Iterator

from starlette.types import ASGIApp

if "uvicorn" not in sys.modules:
    # The package imports its own command line, whose click costs each of the two processes 2 MB.
    sys.modules["uvicorn.main"] = types.SimpleNamespace(main=None, run=None, Server=None)  # type: ignore[assignment]  # stands for a module that would be loaded in vain

import uvicorn
from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

uvicorn.Server = UvicornServer  # type: ignore[misc]  # uvicorn's own name for it

MAX_CONNECTIONS = 512
"""Requests at once, streams among them, on each server."""
SHUTDOWN_GRACE_S = 5
"""Seconds that requests in progress get at the end."""


TICK_S = 1.0
"""Seconds between two looks of a server at the clock, for the header `Date`."""


class Server(UvicornServer):
    """A server that leaves the signals to the process, which may have two of them.

    It sleeps until it is to end. uvicorn's own looks ten times a second whether that is so, which is most of
    what an idle service costs.
    """

    def __init__(self, config: Config) -> None:
        self._ending = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether it is to end; setting it ends it."""
        return self._ending.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._ending.set() if value else self._ending.clear()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def log_to_journal() -> None:
    """Plain lines, to which systemd adds the time; uvicorn's of start and end would say what systemd says."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def server(app: ASGIApp) -> Server:
    """What serves an application, once it is given its sockets."""
    settings = Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        timeout_keep_alive=30,
    )
    return Server(settings)


def at_end(call: Callable[[], None]) -> None:
    """Have something called when the process is asked to end; inside of its event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, call)
