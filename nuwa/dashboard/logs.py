"""The log: of one service or of all, searched, and followed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from nuwa.agent.client import Refused
from nuwa.dashboard import agent_api, request_context, sse
from nuwa.dashboard.responses import as_json

FIELDS = ("lines", "since", "until", "grep", "priority", "after")
LINES = "200"


async def log(request: Request) -> Response:
    """Lines for a person or a script, or a stream of them."""
    given = request.query_params
    name = request.path_params.get("name") or (
        given.get("service", "") if request_context.wants_page(request) else ""
    )
    path = f"/log/{agent_api.segment(name)}" if name else "/log"
    query = {field: given[field] for field in FIELDS if given.get(field)}
    query.setdefault("lines", LINES)
    if given.get("follow") not in (None, "", "0"):
        if position := request.headers.get("last-event-id"):
            query["after"] = position
        return sse.answer(request, _follow(request, path, query))
    if not request_context.wants_page(request):
        return as_json(await agent_api.ask(request, "GET", path, query=query))
    return await _page(request, name, path, query)


async def _page(request: Request, name: str, path: str, query: dict[str, str]) -> Response:
    message = ""
    found: dict[str, Any] = {"lines": []}
    try:
        found = await agent_api.ask(request, "GET", path, query=query)
    except Refused as error:
        if error.status != 400:
            raise
        message = error.message
    names = list((await request_context.dashboard(request).relay.ready()).rows)
    lines: list[Any] = found["lines"]
    return request_context.page(
        request,
        "log",
        400 if message else 200,
        name=name,
        names=names,
        query={**dict.fromkeys(FIELDS, ""), **query},
        lines=lines,
        message=message,
        is_full=str(len(lines)) == query["lines"],
    )


async def _follow(request: Request, path: str, query: dict[str, str]) -> AsyncIterator[bytes]:
    """The agent's stream as it is, or the reason why there is none."""
    target = f"{path}?{urlencode({**query, 'follow': '1'})}"
    async with agent_api.opened(request, "GET", target) as reply:
        if reply.status >= 400:
            error = json.loads(await reply.body())["error"]
            yield f"event: refused\ndata: {json.dumps(error)}\n\n".encode()
            return
        async for piece in reply.pieces:
            yield piece
