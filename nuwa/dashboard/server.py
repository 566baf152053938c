"""The process `nuwa-dashboard`: one event loop on the socket that systemd hands over."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from nuwa.agent import notify, serving
from nuwa.agent.paths import DASHBOARD, Paths
from nuwa.dashboard.application import Dashboard, application


def serve(paths: Paths) -> None:
    """Run until somebody asks to end."""
    serving.log_to_journal()
    asyncio.run(_serve(paths))


async def _serve(paths: Paths) -> None:
    listening = notify.sockets().get("dashboard") or socket.create_server(DASHBOARD)
    listening.setblocking(False)
    dashboard = Dashboard(paths.socket, paths.token, _state(paths))
    server = serving.server(application(dashboard))

    def end() -> None:
        # Streams end at once.
        dashboard.end()
        server.should_exit = True

    serving.at_end(end)
    beat = asyncio.create_task(notify.keep_alive())
    notify.tell("READY=1")
    await server.serve(sockets=[listening])
    notify.tell("STOPPING=1")
    beat.cancel()


def _state(paths: Paths) -> Path:
    """Where sessions that were ended are remembered: systemd says where, and it is the dashboard's own."""
    return Path(os.environ.get("STATE_DIRECTORY") or paths.sessions)
