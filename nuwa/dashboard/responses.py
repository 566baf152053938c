"""Answers: a page for people, JSON for scripts, and every failure as both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nuwa.agent.client import AgentDown, Refused
from nuwa.dashboard import formatting, forwarded
from nuwa.errors import NuwaError
from nuwa.resources import TEMPLATES
from nuwa.templating import page as render
from nuwa.templating import pages

FOLDER = str(TEMPLATES / "dashboard")


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value for scripts."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair, as in a foreign text, becomes the escape that JSON has for it.
    body = text.encode("utf-8", "backslashreplace")
    return Response(body, status, dict(headers or {}), media_type="application/json")


def html(name: str, /, **values: object) -> str:
    """A template of the dashboard, rendered."""
    _prepare()
    return render(FOLDER, f"{name}.html.j2", **values)


def as_page(request: Request, name: str, status: int = 200, /, **values: object) -> Response:
    """A page for people."""
    common = {
        "base": forwarded.base(request),
        "proof": "",
        "at": forwarded.path(request),
        "is_open": False,
    }
    state = getattr(request.state, "page", {})
    return HTMLResponse(html(name, **{**common, **state, **values}).encode("utf-8", "replace"), status)


def failed(
    request: Request,
    status: int,
    message: str,
    *,
    code: str = "",
    hint: str = "",
    problems: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A failure, as a page or as JSON."""
    if forwarded.wants_page(request):
        answer = as_page(request, "failure", status, status=status, message=message, hint=hint)
        answer.headers.update(dict(headers or {}))
        return answer
    named = code or {401: "token", 403: "forbidden", 404: "unknown", 405: "method", 429: "rate_limited"}.get(
        status, "bad"
    )
    error = {"code": named, "message": message, "hint": hint, "problems": problems or []}
    return as_json({"error": error}, status, headers)


def of_nuwa(request: Request, error: Exception) -> Response:
    """The answer to an error of the agent, or to its silence."""
    assert isinstance(error, NuwaError)
    message = f"{error.message}\n{error.details}" if error.details else error.message
    if isinstance(error, Refused):
        return failed(
            request, error.status, error.message, code=error.code, hint=error.hint, problems=error.problems
        )
    if isinstance(error, AgentDown):
        return failed(request, 503, message, code="down", hint=error.hint or "nuwa start ci, or nuwa log ci")
    return failed(request, 409, message, code="failed", hint=error.hint)


def of_http(request: Request, error: Exception) -> Response:
    """The answer to an invalid request."""
    assert isinstance(error, HTTPException)
    return failed(request, error.status_code, str(error.detail), headers=error.headers)


@cache
def _prepare() -> None:
    """What the dashboard's templates know besides their values."""
    made = pages(FOLDER)
    made.filters.update(formatting.FILTERS)
    made.globals.update(formatting.GLOBALS)
