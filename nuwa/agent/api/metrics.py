"""The listener for metrics: on the loopback interface, with a token, if it is configured."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nuwa.agent.agent import Agent
from nuwa.agent.api.responses import HANDLERS, failure
from nuwa.agent.config.model import Metrics
from nuwa.agent.stats import openmetrics
from nuwa.web import uvicorn_server

log = logging.getLogger(__name__)

RETRY_S = 60.0
"""Seconds after which a port that was in use is tried again."""


def application(agent: Agent) -> Starlette:
    """The application on the listener's port."""

    async def metrics(request: Request) -> Response:
        settings = agent.loaded.config.metrics
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if settings is None or not hmac.compare_digest(given.encode(), settings.token.encode()):
            return failure(
                401, "token", "the token is missing or wrong", headers={"WWW-Authenticate": "Bearer"}
            )
        return PlainTextResponse(await agent.metrics(), media_type=openmetrics.MEDIA_TYPE)

    return Starlette(routes=[Route("/metrics", metrics)], exception_handlers=HANDLERS)


async def listen(agent: Agent) -> None:
    """Listen as configured, again after each change of the configuration, until cancelled."""
    while True:
        changed, settings = agent.reconfigured, agent.loaded.config.metrics
        try:
            await _serve(agent, settings, changed) if settings else await changed.wait()
        except OSError as error:
            log.warning("the metrics listener could not start: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), RETRY_S)


async def _serve(agent: Agent, settings: Metrics, changed: asyncio.Event) -> None:
    """Serve until the configuration changes.

    Raises:
        OSError: the port is in use.
    """
    server = uvicorn_server.server(application(agent))
    with socket.create_server(("127.0.0.1", settings.port)) as listening:
        listening.setblocking(False)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await changed.wait()
        finally:
            server.should_exit = True
            await serving
