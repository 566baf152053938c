"""Answers of the HTTP interfaces: JSON, streams, and errors, all in the same form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nuwa.agent.host.services import UnknownService
from nuwa.agent.worker import WorkFailed
from nuwa.errors import NuwaError, UsageError
from nuwa.web.event_stream import EventStream
from nuwa.web.json_text import to_json
from nuwa.web.sse import keep_alive

_OF_WORK = {
    "UnknownService": (404, "unknown"),
    "BusyError": (409, "busy"),
    "RevisionConflict": (412, "conflict"),
    "ManifestError": (422, "invalid"),
    "UsageError": (400, "usage"),
}
"""HTTP status and code for the exit code of a worker process; any other is 409, `failed`."""


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON; bytes are already JSON."""
    return Response(to_json(data), status, dict(headers or {}), media_type="application/json")


def stream(source: AsyncIterator[bytes]) -> Response:
    """Events as they come."""
    return EventStream(keep_alive(source))


def failure(
    status: int,
    code: str,
    message: str,
    *,
    hint: str = "",
    problems: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error."""
    error = {"code": code, "message": message, "hint": hint, "problems": problems or []}
    return answer({"error": error}, status, headers)


def _of_nuwa(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the signature is Starlette's
    assert isinstance(error, NuwaError)
    message = f"{error.message}\n{error.details}" if error.details else error.message
    if isinstance(error, WorkFailed):
        status, code = _OF_WORK.get(error.kind, (409, "failed"))
        return failure(status, code, message, hint=error.hint, problems=error.problems)
    if isinstance(error, UnknownService):
        status, code = 404, "unknown"
    else:
        status, code = (400, "usage") if isinstance(error, UsageError) else (409, "failed")
    return failure(status, code, message, hint=error.hint)


def _of_http(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette calls it with both
    assert isinstance(error, HTTPException)
    codes = {
        403: "forbidden",
        404: "unknown",
        405: "method",
        413: "body_too_large",
        428: "revision",
        408: "timeout",
        429: "rate_limited",
    }
    code = codes.get(error.status_code, "bad")
    return failure(error.status_code, code, str(error.detail), headers=error.headers)


HANDLERS: dict[Any, Callable[[Request, Exception], Response]] = {
    NuwaError: _of_nuwa,
    HTTPException: _of_http,
}
"""For Starlette: which errors become which answers."""
