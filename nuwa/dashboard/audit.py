"""The audit trail: who did what, and how; and what the dashboard itself adds to it."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response

from nuwa.dashboard import agent_api, request_context
from nuwa.dashboard.responses import as_json
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)

SHOWN = "500"
NOTE_TIMEOUT_S = 5.0
"""Seconds for which a log-in waits for an agent that hangs."""


async def show(request: Request) -> Response:
    """What was done last."""
    given = request.query_params
    query = {"since": given.get("since", ""), "count": given.get("count", "") or SHOWN}
    found = await agent_api.ask(request, "GET", "/audit", query=query)
    if not request_context.wants_page(request):
        return as_json(found)
    return request_context.page(request, "audit", entries=found["entries"])


async def note(request: Request, event: str) -> None:
    """Have it written down that the visitor logged in or out; without the agent the journal says so alone."""
    name = request_context.visitor(request).grant.name
    try:
        async with asyncio.timeout(NOTE_TIMEOUT_S):
            await agent_api.ask(request, "POST", f"/session/{agent_api.segment(name)}/{event}")
    except (NuwaError, TimeoutError) as error:
        reason = str(error) or f"the agent did not answer within {NOTE_TIMEOUT_S:g} s"
        address = request_context.identity(request)["X-Nuwa-From"]
        log.warning("not in the audit trail: %s of %s from %s: %s", event, name, address, reason)
