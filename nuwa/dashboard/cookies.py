"""The cookie of a session: its name, its scope, and every one that a browser sends."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nuwa.dashboard import forwarded
from nuwa.dashboard.sessions import MAX_AGE_S, Session, Sessions

PLAIN = "nuwa_session"
"""Without TLS, on this host itself; it was the only name up to release 0.1."""
OF_HOST = f"__Host-{PLAIN}"
"""On a host name of the dashboard's own. Browsers take such a cookie from nobody but this very host."""
OF_PATH = f"__Secure-{PLAIN}"
"""Below a path. It is not sent to what else is served on that host, so it cannot be one for the host."""


def name(request: Request) -> str:
    """The name that the cookie has where this request came in."""
    if not forwarded.is_secure(request):
        return PLAIN
    return OF_PATH if forwarded.base(request) else OF_HOST


def values(request: Request) -> list[str]:
    """All cookies that may be a session's, that of the right name first.

    A site on a neighbouring name may set one of the same name for all of the domain. A browser then sends
    both, in any order, so each of them is looked at.
    """
    found: dict[str, list[str]] = {OF_HOST: [], OF_PATH: [], PLAIN: []}
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key in found:
                found[key].append(value)
    own = found.pop(name(request))
    return [*own, *(value for others in found.values() for value in others)]


def session(request: Request, sessions: Sessions) -> Session | None:
    """The session of a browser."""
    return next(filter(None, map(sessions.find, values(request))), None)


def has_own(request: Request) -> bool:
    """Whether the browser has the cookie under the name that it should have."""
    return name(request) in request.cookies


def give(request: Request, answer: Response, sessions: Sessions, session: Session) -> None:
    """Give a browser its session, and remove the cookie that it may have under a former name."""
    own = name(request)
    answer.set_cookie(
        own,
        sessions.cookie(session),
        max_age=MAX_AGE_S,
        path=_path(request),
        secure=own != PLAIN,
        httponly=True,
        samesite="strict",
    )
    if own != PLAIN and PLAIN in request.cookies:
        _drop(request, answer, PLAIN)


def take(request: Request, answer: Response) -> None:
    """Take the cookie away again, under each of its names."""
    for each in {name(request), *({OF_HOST, OF_PATH, PLAIN} & set(request.cookies))}:
        _drop(request, answer, each)


def _drop(request: Request, answer: Response, which: str) -> None:
    path = "/" if which == OF_HOST else _path(request)
    answer.delete_cookie(which, path=path, secure=which != PLAIN, httponly=True, samesite="strict")


def _path(request: Request) -> str:
    return forwarded.base(request) or "/"
