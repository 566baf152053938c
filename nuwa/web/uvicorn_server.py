"""How both HTTP processes of a host serve: on sockets that exist already, until they are asked to stop."""

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
    # The package imports its own command line, whose library click costs each of the two processes 2 MB.
    sys.modules["uvicorn.main"] = types.SimpleNamespace(main=None, run=None, Server=None)  # type: ignore[assignment]  # a stub for a module that is not needed

import uvicorn
from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

uvicorn.Server = UvicornServer  # type: ignore[misc]  # uvicorn's own name for it

MAX_CONNECTIONS = 512
"""Concurrent requests on each server, including streams."""
SHUTDOWN_GRACE_S = 5
"""Seconds that requests in progress get to finish at shutdown."""


TICK_S = 1.0
"""Seconds between updates of the header `Date`."""


class Server(UvicornServer):
    """A server that leaves signals to the process, which may run two servers.

    It wakes up once per `TICK_S`, or to stop. uvicorn's own polls ten times a second, which is most of what
    an idle service costs.
    """

    def __init__(self, config: Config) -> None:
        self._ending = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether it is to stop; setting this stops it."""
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
    """Log plain lines; the journal adds the time. uvicorn's on start and stop would repeat systemd's."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def server(app: ASGIApp) -> Server:
    """The server of an application; it gets its sockets when it is started."""
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
    """Have something called, in the event loop, when the process is asked to stop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, call)
