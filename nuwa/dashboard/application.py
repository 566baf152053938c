"""The dashboard's paths, and which function answers each."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from nuwa.dashboard import audit, configuration, hooks, login, logs, responses, services, stats
from nuwa.dashboard.auth import Guard
from nuwa.dashboard.context import Dashboard
from nuwa.dashboard.forwarded import Front
from nuwa.errors import NuwaError


def application(dashboard: Dashboard) -> ASGIApp:
    """The whole dashboard."""
    app = Starlette(
        routes=[
            Route("/login", login.login, methods=["GET", "POST"]),
            Route("/logout", login.logout, methods=["POST"]),
            Route("/static/{digest}/{name}", login.static),
            Route("/", services.overview),
            Route("/ls", services.ls),
            Route("/events", services.events),
            Route("/usage", services.usage),
            Route("/proc/{name}", services.service),
            Route("/proc/{name}/run/{command}", services.run_once, methods=["POST"]),
            Route("/proc/{name}/{verb}", services.act, methods=["GET", "POST"]),
            Route("/log", logs.log),
            Route("/log/{name}", logs.log),
            Route("/hooks", hooks.overview),
            Route("/hooks/{name}", hooks.runs),
            Route("/hooks/{name}/{verb}", hooks.act, methods=["POST"]),
            Route("/runs/{id}", hooks.run),
            Route("/monitor", services.monitor),
            Route("/stats", stats.host),
            Route("/stats/{name}", stats.service),
            Route("/audit", audit.show),
            Route("/config", configuration.show),
            Route("/config", configuration.put, methods=["PUT"]),
            Route("/config", configuration.edit, methods=["POST"]),
            Route("/config/schema", configuration.schema),
            Route("/config/history", configuration.history),
            Route("/config/history/{revision}", configuration.revision),
        ],
        exception_handlers={NuwaError: responses.of_nuwa, HTTPException: responses.of_http},
    )
    app.state.dashboard = dashboard
    guard = Guard(app, dashboard.access, dashboard.sessions, dashboard.limiter, audit.note)
    app.state.guard = guard
    return Front(guard)
