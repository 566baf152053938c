"""Who gets in: whoever shows the token, or a session that began with it; and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nuwa.agent import bodies
from nuwa.agent.limiter import Limiter
from nuwa.dashboard import front
from nuwa.dashboard.answers import failed
from nuwa.dashboard.sessions import COOKIE, LONGEST, Session, Sessions
from nuwa.dashboard.token import Token

OPEN = ("/login", "/static/")
"""What is served to everybody."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a form."""
SAFE = ("GET", "HEAD")
_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>nuwa</title>'


@dataclass(frozen=True)
class Visitor:
    """Somebody who got in.

    Args:
        session: None for a script, which shows the token with each request.
    """

    session: Session | None = None

    @property
    def is_script(self) -> bool:
        return self.session is None


class Guard:
    """Lets requests through to the pages, or answers them itself.

    Args:
        app: the pages.
    """

    def __init__(self, app: ASGIApp, token: Token, sessions: Sessions, limiter: Limiter) -> None:
        self._app, self._token, self._sessions, self._limiter = app, token, sessions, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._refusal(request)
        except HTTPException as error:
            answer = failed(request, error.status_code, str(error.detail), headers=error.headers)
        await (answer or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """The answer to whom is not let in; None for whom is, and then the request says who it is."""
        if request.url.path.startswith(OPEN):
            return None
        header, query = _token_of_header(request), request.query_params.get("token")
        if header is not None or query is not None:
            self.prove(request, header if header is not None else query or "")
            if header is None and request.method == "GET" and front.wants_page(request):
                return self._without_token(request)
            request.state.visitor = Visitor()
            return None
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if session is None:
            return _stranger(request)
        await self._check_form(request, session)
        request.state.visitor = Visitor(session)
        return None

    def prove(self, request: Request, offered: str) -> None:
        """Check a token.

        Raises:
            HTTPException: 401 it is wrong; 429 there were too many wrong ones.
        """
        address = front.address(request)
        if wait := self._limiter.wait(address):
            text = f"too many wrong tokens from {address or 'here'}: wait {int(wait) + 1} s"
            raise HTTPException(429, text, {"Retry-After": str(int(wait) + 1)})
        if not self._token.fits(offered):
            self._limiter.fail(address)
            raise HTTPException(401, "the token is wrong", {"WWW-Authenticate": "Bearer"})
        self._limiter.succeed(address)

    def _without_token(self, request: Request) -> Response:
        """A session for a browser that came with the token in the address, where it is not to stay."""
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
        target = front.base(request) + request.url.path + (f"?{urlencode(kept)}" if kept else "")
        answer = RedirectResponse(target, 303)
        set_cookie(request, answer, self._sessions, self._sessions.begin())
        return answer

    async def _check_form(self, request: Request, session: Session) -> None:
        """A browser sends cookies by itself, so a change needs a proof that one of our pages asked for it."""
        if request.method in SAFE:
            return
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "another site sent this")
        proof = request.headers.get("x-csrf-token")
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            body = (await bodies.read(request, LARGEST)).decode("utf-8", "replace")
            request.state.form = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=100))
            proof = proof or request.state.form.get("csrf")
        if not proof or not self._sessions.is_proof(session, proof):
            raise HTTPException(403, "the page is too old, or another site sent this: load it again")


def set_cookie(request: Request, answer: Response, sessions: Sessions, session: Session) -> None:
    """Give a browser its session."""
    answer.set_cookie(
        COOKIE,
        sessions.cookie(session),
        max_age=LONGEST,
        path=front.base(request) or "/",
        secure=front.is_secure(request),
        httponly=True,
        samesite="strict",
    )


def _token_of_header(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value
    return request.headers.get("x-nuwa-token")


def _stranger(request: Request) -> Response:
    if not front.wants_page(request) or request.method not in SAFE:
        return failed(request, 401, "a token or a session is needed", headers={"WWW-Authenticate": "Bearer"})
    if request.headers.get("sec-fetch-site") == "cross-site" and COOKIE not in request.cookies:
        # Whoever follows a link from elsewhere sends no strict cookie; asked again by this page, they do.
        return HTMLResponse(_AGAIN)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = f"{front.base(request)}/login" + ("" if here == "/" else "?" + urlencode({"next": here}))
    return RedirectResponse(target, 303)
