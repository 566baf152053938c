"""The process `nuwa-ci`: the control API on its socket and the webhook listener, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable

from nuwa.agent.agent import Agent
from nuwa.agent.api import control, metrics, webhook_receiver
from nuwa.agent.paths import WEBHOOKS, Paths
from nuwa.web import sd_notify, uvicorn_server

BACKLOG = 1024


def serve(paths: Paths) -> None:
    """Run until somebody asks to end."""
    uvicorn_server.log_to_journal()
    asyncio.run(_serve(paths))


async def _serve(paths: Paths) -> None:
    given = sd_notify.sockets()
    sockets = {
        "control": given.get("control") or _unix_socket(paths),
        "webhooks": given.get("webhooks") or _tcp_socket(),
    }
    agent = Agent(paths)
    apps = {"control": control.application(agent), "webhooks": webhook_receiver.application(agent)}
    servers = {name: uvicorn_server.server(app) for name, app in apps.items()}
    uvicorn_server.at_end(lambda: _end(servers.values()))
    work = asyncio.create_task(agent.run())
    collected = asyncio.create_task(metrics.listen(agent))
    beat = asyncio.create_task(sd_notify.keep_alive())
    work.add_done_callback(lambda _: _end(servers.values()))
    sd_notify.tell("READY=1")
    await asyncio.gather(*(server.serve(sockets=[sockets[name]]) for name, server in servers.items()))
    sd_notify.tell("STOPPING=1")
    beat.cancel()
    work.cancel()
    collected.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await collected
    with contextlib.suppress(asyncio.CancelledError):
        await work


def _end(servers: Iterable[uvicorn_server.Server]) -> None:
    for server in servers:
        server.should_exit = True


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
