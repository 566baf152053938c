"""A request's visitor, and what the functions that answer share."""

from __future__ import annotations

import socket
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nuwa.dashboard import cookies, forwarded, responses
from nuwa.dashboard.auth import Visitor
from nuwa.dashboard.context import Dashboard
from nuwa.web.client_address import client_address


def dashboard(request: Request) -> Dashboard:
    """What all requests share."""
    found: Dashboard = request.app.state.dashboard
    return found


def visitor(request: Request) -> Visitor:
    """Who asks."""
    found: Visitor = request.state.visitor
    return found


def proof(request: Request) -> str:
    """What the forms of this visitor's pages bring along."""
    session = visitor(request).session
    return dashboard(request).sessions.proof(session) if session else ""


def is_welcome(request: Request) -> bool:
    """Whether a visitor's token or session is still valid."""
    asking = visitor(request)
    if asking.is_script:
        now = dashboard(request).access.mark(asking.grant.name)
        return bool(now) and now == asking.mark
    return cookies.session(request, dashboard(request).sessions) is not None


def form(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        HTTPException: 400, this is none.
    """
    found: dict[str, str] | None = getattr(request.state, "form", None)
    if found is None:
        raise HTTPException(400, "a form was expected")
    return found


def page(request: Request, name: str, status: int = 200, /, **values: Any) -> Response:
    """A page for an authenticated visitor, whose session is extended."""
    shared = dashboard(request)
    about = {
        "host": socket.gethostname(),
        "proof": proof(request),
        "is_open": True,
        "may": visitor(request).grant,
        "is_up": shared.relay.is_up,
        "position": shared.relay.position,
    }
    made = responses.as_page(request, name, status, **{**about, **values})
    session = visitor(request).session
    if session:
        longer = shared.sessions.renewed(session)
        if longer or not cookies.has_own(request):
            cookies.give(request, made, shared.sessions, longer or session)
    return made


def wants_page(request: Request) -> bool:
    """Whether the answer is a page; with a token in a header it is for a script, whatever that accepts."""
    return forwarded.wants_page(request) and not visitor(request).is_script


def home(request: Request, path: str) -> str:
    """An address of the dashboard as the browser sees it."""
    return forwarded.base(request) + path


def identity(request: Request) -> dict[str, str]:
    """Headers that identify the visitor to the agent, for the right and the audit trail."""
    asking = visitor(request)
    address = client_address(request).encode("ascii", "replace").decode()[:100]
    way = "API" if asking.is_script else "dashboard"
    return {"X-Nuwa-As": asking.grant.name, "X-Nuwa-Way": way, "X-Nuwa-From": address}
