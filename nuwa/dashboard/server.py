"""The process `nuwa-dashboard`: one event loop on the socket that systemd hands over."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from nuwa.agent.paths import DASHBOARD, Paths
from nuwa.dashboard.application import application
from nuwa.dashboard.context import Dashboard
from nuwa.web import sd_notify, uvicorn_server


def serve(paths: Paths) -> None:
    """Run until the process is asked to stop."""
    uvicorn_server.log_to_journal()
    asyncio.run(_serve(paths))


async def _serve(paths: Paths) -> None:
    listening = sd_notify.sockets().get("dashboard") or socket.create_server(DASHBOARD)
    listening.setblocking(False)
    dashboard = Dashboard(paths.socket, paths.token, paths.tokens, _state(paths))
    server = uvicorn_server.server(application(dashboard))

    def end() -> None:
        # Streams end at once.
        dashboard.end()
        server.should_exit = True

    uvicorn_server.at_end(end)
    beat = asyncio.create_task(sd_notify.keep_alive())
    sd_notify.tell("READY=1")
    await server.serve(sockets=[listening])
    sd_notify.tell("STOPPING=1")
    beat.cancel()


def _state(paths: Paths) -> Path:
    """The dashboard's own state folder, named by systemd, which holds the ended sessions."""
    return Path(os.environ.get("STATE_DIRECTORY") or paths.sessions)
