"""The dashboard's paths, and which function answers each."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from nuwa.agent.limiter import Limiter
from nuwa.dashboard import answers, configuration, entrance, hooks, logs, services
from nuwa.dashboard.front import Front
from nuwa.dashboard.guard import Guard
from nuwa.dashboard.relay import Relay
from nuwa.dashboard.sessions import Sessions
from nuwa.dashboard.token import Token
from nuwa.errors import NuwaError


class Dashboard:
    """What all requests share.

    Args:
        socket: the agent's control socket.
        token: the token's file.
        state: the folder for what outlives a restart.
    """

    def __init__(self, socket: Path, token: Path, state: Path) -> None:
        self.socket = socket
        self.token = Token(token)
        self.sessions = Sessions(self.token, state / "ended.json")
        self.limiter = Limiter()
        self.relay = Relay(socket)
        self.ending = asyncio.Event()
        """Set when all streams are to end."""

    def end(self) -> None:
        """End every stream: the process ends."""
        self.ending.set()
        self.relay.close()


def application(dashboard: Dashboard) -> ASGIApp:
    """The whole dashboard."""
    app = Starlette(
        routes=[
            Route("/login", entrance.login, methods=["GET", "POST"]),
            Route("/logout", entrance.logout, methods=["POST"]),
            Route("/static/{digest}/{name}", entrance.static),
            Route("/", services.overview),
            Route("/ls", services.ls),
            Route("/events", services.events),
            Route("/usage", services.usage),
            Route("/proc/{name}", services.service),
            Route("/proc/{name}/{verb}", services.act, methods=["GET", "POST"]),
            Route("/log", logs.log),
            Route("/log/{name}", logs.log),
            Route("/hooks", hooks.overview),
            Route("/hooks/{name}", hooks.runs),
            Route("/hooks/{name}/{verb}", hooks.act, methods=["POST"]),
            Route("/runs/{id}", hooks.run),
            Route("/monitor", services.monitor),
            Route("/config", configuration.show),
            Route("/config", configuration.put, methods=["PUT"]),
            Route("/config", configuration.edit, methods=["POST"]),
            Route("/config/schema", configuration.schema),
            Route("/config/history", configuration.history),
            Route("/config/history/{revision}", configuration.revision),
        ],
        exception_handlers={NuwaError: answers.of_nuwa, HTTPException: answers.of_http},
    )
    app.state.dashboard = dashboard
    guard = Guard(app, dashboard.token, dashboard.sessions, dashboard.limiter)
    app.state.guard = guard
    return Front(guard)
