"""Authentication: by a token, or by a session that began with one; and the rights of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nuwa.access.rights import Grant
from nuwa.dashboard import cookies, forwarded
from nuwa.dashboard.access import Access
from nuwa.dashboard.responses import failed
from nuwa.dashboard.second_factor import SecondFactor
from nuwa.dashboard.sessions import Session, Sessions
from nuwa.web import limits, request_body
from nuwa.web.client_address import client_address
from nuwa.web.rate_limit import Limiter

Note = Callable[[Request, str], Awaitable[None]]
OPEN = ("/login", "/static/")
"""Paths that need no login."""
MAX_FORM_FIELDS = 100
SAFE = ("GET", "HEAD")
_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>nuwa</title>'


@dataclass(frozen=True)
class Visitor:
    """An authenticated visitor.

    Args:
        grant: the visitor's rights.
        session: None for a script, which sends the token with each request.
        mark: identifies a script's token; it changes if a token of the same name is created again.
    """

    grant: Grant
    session: Session | None = None
    mark: bytes = b""

    @property
    def is_script(self) -> bool:
        return self.session is None


class NeedsCode(HTTPException):
    """Only the token was sent, but it needs its second factor too."""

    code = "second_factor"

    def __init__(self) -> None:
        message = "this token has a second factor: log in at /login, and give scripts a token without one"
        super().__init__(401, message)


class Guard:
    """Passes requests on to the pages, or rejects them.

    Args:
        app: the pages.
        note: records an event of a visitor in the audit trail.
    """

    def __init__(
        self, app: ASGIApp, access: Access, sessions: Sessions, limiter: Limiter, note: Note
    ) -> None:
        self._app, self._access, self._sessions, self._limiter = app, access, sessions, limiter
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._refusal(request)
        except HTTPException as error:
            code = getattr(error, "code", "")
            answer = failed(request, error.status_code, str(error.detail), code=code, headers=error.headers)
        await (answer or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """The answer to a rejected request; None if it is accepted, with the visitor set on the request."""
        if "service-worker" in request.headers:
            # A worker would stay between this server and the browser permanently, also at the login.
            raise HTTPException(403, "the dashboard has no service worker")
        if forwarded.path(request).startswith(OPEN):
            return None
        header, query = _token_of_header(request), request.query_params.get("token")
        if header is not None or query is not None:
            grant = self.prove(request, header if header is not None else query or "")
            if grant.second_factor:
                raise NeedsCode
            if header is None and request.method == "GET" and forwarded.wants_page(request):
                return await self._without_token(request, grant)
            request.state.visitor = Visitor(grant, mark=self._access.mark(grant.name))
            return None
        session = cookies.session(request, self._sessions)
        known = self._access.grant(session.owner) if session else None
        if session is None or known is None:
            return _stranger(request)
        await self._check_form(request, session)
        request.state.visitor = Visitor(known, session)
        return None

    def prove(self, request: Request, offered: str) -> Grant:
        """Check a token.

        Returns:
            what it may do.

        Raises:
            HTTPException: 401 if it is wrong; 429 after too many wrong ones.
        """
        address = client_address(request)
        self._wait(address, "", f"too many wrong tokens from {address or 'here'}")
        grant = self._access.identify(offered)
        if grant is None:
            self._limiter.fail(address)
            raise HTTPException(401, "the token is wrong", {"WWW-Authenticate": "Bearer"})
        self._limiter.succeed(address)
        return grant

    def prove_code(self, request: Request, factor: SecondFactor, ticket: str, code: str) -> tuple[Grant, str]:
        """Check the second factor of somebody who has sent a valid token.

        Returns:
            what the token may do, and the kind of the code: `code` or `recovery`.

        Raises:
            HTTPException: 401 if the code is wrong, was used or is too late; 429 after too many wrong ones.
        """
        name = factor.name_of(ticket)
        grant = self._access.grant(name) if name else None
        if name is None or grant is None:
            raise HTTPException(401, "the login has expired: log in again")
        address, about = client_address(request), f"code {name}"
        # Counted for the token too: otherwise many addresses could guess together.
        for each in (address, ""):
            self._wait(each, about, "too many wrong codes")
        kind = factor.accept(name, code)
        if not kind:
            for each in {address, ""}:
                self._limiter.fail(each, about)
            raise HTTPException(401, "the code is wrong, or was already used: wait for the next one")
        for each in {address, ""}:
            self._limiter.succeed(each, about)
        return grant, kind

    def _wait(self, address: str, about: str, why: str) -> None:
        if wait := self._limiter.wait(address, about):
            raise HTTPException(429, f"{why}: wait {int(wait) + 1} s", {"Retry-After": str(int(wait) + 1)})

    async def _without_token(self, request: Request, grant: Grant) -> Response:
        """Start a session for a browser with the token in the address, and redirect to one without it."""
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
        target = forwarded.base(request) + forwarded.path(request) + (f"?{urlencode(kept)}" if kept else "")
        answer, session = RedirectResponse(target, 303), self._sessions.begin(grant.name)
        cookies.give(request, answer, self._sessions, session)
        request.scope["app"] = self._app
        request.state.visitor = Visitor(grant, session)
        await self._note(request, "log-in")
        return answer

    async def _check_form(self, request: Request, session: Session) -> None:
        """Check that a change comes from one of our pages, since browsers send cookies with any request."""
        if request.method in SAFE:
            return
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "cross-site request rejected")
        proof = request.headers.get("x-csrf-token")
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            request.state.form = _fields(await request_body.read(request, limits.FORM_BYTES))
            proof = proof or request.state.form.get("csrf")
        if not proof or not self._sessions.is_proof(session, proof):
            raise HTTPException(403, "the page has expired, or the request was cross-site: reload the page")


def _fields(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        raise HTTPException(400, f"the form has more than {MAX_FORM_FIELDS} fields") from None


def _token_of_header(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value
    return request.headers.get("x-nuwa-token")


def _stranger(request: Request) -> Response:
    if not forwarded.wants_page(request) or request.method not in SAFE:
        return failed(
            request, 401, "a token or a session is required", headers={"WWW-Authenticate": "Bearer"}
        )
    if request.headers.get("sec-fetch-site") == "cross-site" and not cookies.values(request):
        # A browser that follows a link from elsewhere sends no strict cookie; after this page loads, it does.
        return HTMLResponse(_AGAIN)
    here = forwarded.path(request) + (f"?{query}" if (query := forwarded.query(request)) else "")
    target = f"{forwarded.base(request)}/login" + ("" if here == "/" else "?" + urlencode({"next": here}))
    return RedirectResponse(target, 303)
