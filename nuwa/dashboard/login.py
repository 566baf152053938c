"""Login and logout, and the files that need no session."""

from __future__ import annotations

import mimetypes
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nuwa.access.rights import Grant
from nuwa.dashboard import audit, cookies, formatting, forwarded, request_context
from nuwa.dashboard.auth import Guard, Visitor
from nuwa.dashboard.responses import as_page, failed
from nuwa.web import request_body

FOREVER = "public, max-age=31536000, immutable"
_FILES = frozenset(path.name for path in formatting.STATIC.iterdir())


async def login(request: Request) -> Response:
    """The form for the token, and what becomes of it."""
    target = _inside(request.query_params.get("next", ""))
    if request.method == "GET":
        return as_page(request, "login", target=target, message="", ticket="")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return failed(request, 403, "cross-site request rejected")
    fields = parse_qs((await request_body.read(request, 10_000)).decode("utf-8", "replace"))
    ticket = fields.get("ticket", [""])[0]
    try:
        if ticket:
            return await _second_step(request, target, ticket, fields.get("code", [""])[0])
        guard: Guard = request.app.state.guard
        grant = guard.prove(request, fields.get("token", [""])[0])
    except HTTPException as error:
        return _again(request, target, error, ticket)
    if grant.second_factor:
        made = request_context.dashboard(request).second_factor.ticket(grant.name)
        return as_page(request, "login", target=target, message="", ticket=made)
    return await _let_in(request, target, grant, "log-in")


async def _second_step(request: Request, target: str, ticket: str, code: str) -> Response:
    factor = request_context.dashboard(request).second_factor
    guard: Guard = request.app.state.guard
    try:
        grant, kind = guard.prove_code(request, factor, ticket, code)
    except HTTPException as error:
        await _note_wrong_code(request, error, factor.name_of(ticket))
        raise
    return await _let_in(request, target, grant, "log-in" if kind == "code" else "log-in-by-recovery-code")


async def _note_wrong_code(request: Request, error: HTTPException, name: str | None) -> None:
    """Record a wrong code: somebody has the token but not the device. A client that must wait counts once."""
    shared = request_context.dashboard(request)
    grant = shared.access.grant(name) if name else None
    if grant is not None and error.status_code == 401:
        session = shared.sessions.begin(grant.name)  # nobody gets its cookie
        request.state.visitor = Visitor(grant, session)
        await audit.note(request, "wrong-code")


def _again(request: Request, target: str, error: HTTPException, ticket: str) -> Response:
    """The form once more, with what was wrong; for the token again where the ticket is over."""
    headers = {key: value for key, value in (error.headers or {}).items() if key == "Retry-After"}
    is_valid = bool(ticket) and request_context.dashboard(request).second_factor.name_of(ticket) is not None
    shown = ticket if is_valid else ""
    message = str(error.detail)
    answer = as_page(request, "login", error.status_code, target=target, message=message, ticket=shown)
    answer.headers.update(headers)
    return answer


async def _let_in(request: Request, target: str, grant: Grant, event: str) -> Response:
    answer = RedirectResponse(request_context.home(request, target), 303)
    sessions = request_context.dashboard(request).sessions
    session = sessions.begin(grant.name)
    cookies.give(request, answer, sessions, session)
    request.state.visitor = Visitor(grant, session)
    await audit.note(request, event)
    return answer


async def logout(request: Request) -> Response:
    """End the session, also for copies of its cookie, and have the browser forget what it kept."""
    session = request_context.visitor(request).session
    if session:
        request_context.dashboard(request).sessions.end(session)
        await audit.note(request, "log-out")
    answer = RedirectResponse(request_context.home(request, "/login"), 303)
    cookies.take(request, answer)
    if not forwarded.base(request):
        # Not "cookies", which would take those of all names of the domain along.
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


async def static(request: Request) -> Response:
    """A file of the pages; its content is in its address, so browsers keep it."""
    name = request.path_params["name"]
    if name not in _FILES or formatting.asset(name) != forwarded.path(request):
        raise HTTPException(404, "there is no such file")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # A few kilobytes, read at once: Starlette's FileResponse starts a thread and anyio's event loop for them.
    content = (formatting.STATIC / name).read_bytes()
    return Response(content, headers={"Cache-Control": FOREVER}, media_type=kind)


def _inside(target: str) -> str:
    """A path of the dashboard; anything that leads elsewhere becomes its first page."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and target.isprintable() and "\\" not in target else "/"
