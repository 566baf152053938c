"""The door: a token, or a session that began with one; and what each may do."""

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
"""What is served to everybody."""
MAX_FORM_FIELDS = 100
SAFE = ("GET", "HEAD")
_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>nuwa</title>'


@dataclass(frozen=True)
class Visitor:
    """Somebody who got in.

    Args:
        grant: what it may do.
        session: None for a script, which shows the token with each request.
        mark: of a script's token; another token of the same name has another one.
    """

    grant: Grant
    session: Session | None = None
    mark: bytes = b""

    @property
    def is_script(self) -> bool:
        return self.session is None


class NeedsCode(HTTPException):
    """A token alone, where its second factor is needed too."""

    code = "second_factor"

    def __init__(self) -> None:
        message = "this token has a second factor: log in at /login, and give scripts a token without one"
        super().__init__(401, message)


class Guard:
    """Lets requests through to the pages, or answers them itself.

    Args:
        app: the pages.
        note: has it written down what a visitor did.
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
        """The answer to whom is not let in; None for whom is, and then the request says who it is."""
        if "service-worker" in request.headers:
            # A worker would stand between this and the browser for good, at the log-in as well.
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
            HTTPException: 401 it is wrong; 429 there were too many wrong ones.
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
        """Check the second factor of somebody who has shown a token.

        Returns:
            what the token may do, and the kind of the code: `code` or `recovery`.

        Raises:
            HTTPException: 401 the code is wrong, was used, or comes too late; 429 there were too many.
        """
        name = factor.name_of(ticket)
        grant = self._access.grant(name) if name else None
        if name is None or grant is None:
            raise HTTPException(401, "that took too long: log in again")
        address, about = client_address(request), f"code {name}"
        # Counted for the token too: otherwise many addresses could try together.
        for each in (address, ""):
            self._wait(each, about, "too many wrong codes")
        kind = factor.accept(name, code)
        if not kind:
            for each in {address, ""}:
                self._limiter.fail(each, about)
            raise HTTPException(401, "the code is wrong, or was used before: wait for the next one")
        for each in {address, ""}:
            self._limiter.succeed(each, about)
        return grant, kind

    def _wait(self, address: str, about: str, why: str) -> None:
        if wait := self._limiter.wait(address, about):
            raise HTTPException(429, f"{why}: wait {int(wait) + 1} s", {"Retry-After": str(int(wait) + 1)})

    async def _without_token(self, request: Request, grant: Grant) -> Response:
        """A session for a browser that came with the token in the address, where it is not to stay."""
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
        target = forwarded.base(request) + forwarded.path(request) + (f"?{urlencode(kept)}" if kept else "")
        answer, session = RedirectResponse(target, 303), self._sessions.begin(grant.name)
        cookies.give(request, answer, self._sessions, session)
        request.scope["app"] = self._app
        request.state.visitor = Visitor(grant, session)
        await self._note(request, "log-in")
        return answer

    async def _check_form(self, request: Request, session: Session) -> None:
        """A browser sends cookies by itself, so a change needs a proof that one of our pages asked for it."""
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
        return failed(request, 401, "a token or a session is needed", headers={"WWW-Authenticate": "Bearer"})
    if request.headers.get("sec-fetch-site") == "cross-site" and not cookies.values(request):
        # A browser that follows a link from elsewhere sends no strict cookie; after this page loads, it does.
        return HTMLResponse(_AGAIN)
    here = forwarded.path(request) + (f"?{query}" if (query := forwarded.query(request)) else "")
    target = f"{forwarded.base(request)}/login" + ("" if here == "/" else "?" + urlencode({"next": here}))
    return RedirectResponse(target, 303)
