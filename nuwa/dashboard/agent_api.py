"""Requests to the agent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from nuwa.agent.client import AgentDown, Refused, Reply, exchange
from nuwa.dashboard import request_context


async def ask(
    request: Request,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> Any:
    """The value in the agent's answer.

    Raises:
        AgentDown: it does not answer.
        Refused: it answers with an error.
    """
    given = {key: value for key, value in (query or {}).items() if value}
    target = f"{path}?{urlencode(given)}" if given else path
    async with opened(request, method, target, body, headers) as reply:
        raw = await reply.body()
        status, about = reply.status, reply.headers
    value = _json(raw)
    if status >= 400:
        raise Refused(status, value["error"])
    return (value, raw, about) if path == "/config" and method == "GET" else value


@asynccontextmanager
async def opened(
    request: Request, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Reply]:
    """One request to the agent on behalf of a visitor; the answer is read while the block runs.

    All requests for a visitor go through here, so that each names the token whose right it needs.

    Args:
        target: path and query.

    Raises:
        AgentDown: nobody answers.
    """
    who = request_context.identity(request)
    socket = request_context.dashboard(request).socket
    async with exchange(socket, method, target, body, {**(headers or {}), **who}) as reply:
        yield reply


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise AgentDown("the agent's answer cannot be read", hint="nuwa log ci") from None


def segment(text: object) -> str:
    """A name as one part of a path."""
    return quote(str(text), safe="")
