"""The process `nuwa-dashboard`: one event loop on the socket that systemd hands over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from nuwa.agent import notify
from nuwa.agent.paths import DASHBOARD, Paths
from nuwa.dashboard.application import Dashboard, application

CONNECTIONS = 512
"""Requests at once, streams among them."""
GRACE = 5
"""Seconds that requests in progress get at the end; streams end at once."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(paths: Paths) -> None:
    """Run until somebody asks to end."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(_serve(paths))


async def _serve(paths: Paths) -> None:
    listening = notify.sockets().get("dashboard") or socket.create_server(DASHBOARD)
    listening.setblocking(False)
    dashboard = Dashboard(paths.socket, paths.token, _state(paths))
    server = _Server(
        uvicorn.Config(
            application(dashboard),
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
    )

    def end() -> None:
        dashboard.end()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    beat = asyncio.create_task(notify.keep_alive())
    notify.tell("READY=1")
    await server.serve(sockets=[listening])
    notify.tell("STOPPING=1")
    beat.cancel()


def _state(paths: Paths) -> Path:
    """Where sessions that were ended are remembered: systemd says where, and it is the dashboard's own."""
    return Path(os.environ.get("STATE_DIRECTORY") or paths.sessions)
