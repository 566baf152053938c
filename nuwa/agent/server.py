"""The process `nuwa-ci`: the control API on its socket and the webhook listener, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterator

import uvicorn

from nuwa.agent import control, listener, notify
from nuwa.agent.agent import Agent
from nuwa.agent.paths import WEBHOOKS, Paths

log = logging.getLogger(__name__)

CONNECTIONS = 512
"""Requests at once, on each of the two."""
GRACE = 5
"""Seconds that requests in progress get at the end."""
BACKLOG = 1024


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process, which has two of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(paths: Paths) -> None:
    """Run until somebody asks to end."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # It tells of its start and end, which systemd has told already.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    asyncio.run(_serve(paths))


async def _serve(paths: Paths) -> None:
    given = notify.sockets()
    sockets = {
        "control": given.get("control") or _unix_socket(paths),
        "webhooks": given.get("webhooks") or _tcp_socket(),
    }
    agent = Agent(paths)
    apps = {"control": control.application(agent), "webhooks": listener.application(agent)}
    servers = {name: _Server(_settings(app)) for name, app in apps.items()}
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, list(servers.values()))
    work = asyncio.create_task(agent.run())
    beat = asyncio.create_task(notify.keep_alive())
    work.add_done_callback(lambda _: _end(list(servers.values())))
    notify.tell("READY=1")
    await asyncio.gather(*(server.serve(sockets=[sockets[name]]) for name, server in servers.items()))
    notify.tell("STOPPING=1")
    beat.cancel()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def _end(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


def _settings(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
    )


def _unix_socket(paths: Paths) -> socket.socket:
    """The control socket, where systemd does not hand it over: for root alone."""
    paths.runtime.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        paths.socket.unlink()
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        made.bind(str(paths.socket))
    finally:
        os.umask(before)
    made.listen(BACKLOG)
    return made


def _tcp_socket() -> socket.socket:
    made = socket.create_server(WEBHOOKS, backlog=BACKLOG)
    made.setblocking(False)
    return made
