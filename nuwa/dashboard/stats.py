"""What the host and its services used over time: charts for people, points for scripts."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nuwa.agent.client import AgentDown, Refused
from nuwa.dashboard import agent_api, charts, request_context
from nuwa.dashboard.responses import as_json

DEFAULT = "24h"


async def host(request: Request) -> Response:
    """Of the host."""
    if not request_context.wants_page(request):
        return await _as_json(request, "/stats")
    return request_context.page(request, "stats", **await history(request, ""))


async def service(request: Request) -> Response:
    """Of one service, for scripts."""
    return await _as_json(request, f"/stats/{agent_api.segment(request.path_params['name'])}")


async def _as_json(request: Request, path: str) -> Response:
    return as_json(
        await agent_api.ask(request, "GET", path, query={"since": request.query_params.get("since", "")})
    )


async def history(request: Request, name: str) -> dict[str, Any]:
    """The values for the charts' template; without data, a page is shown without charts."""
    since = request.query_params.get("since", "") or DEFAULT
    path = f"/stats/{agent_api.segment(name)}" if name else "/stats"
    found, fault = None, ""
    try:
        found = await agent_api.ask(request, "GET", path, query={"since": since})
    except (AgentDown, Refused) as error:
        fault = f"The history is not available: {error.message}"
    shown = charts.page(found, time.time()) if found else charts.Page([], [], [], has_dates=False)
    return {"history": shown, "fault": fault, "since": since, "periods": charts.PERIODS}
