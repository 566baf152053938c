"""What every answer of the dashboard has in common: headers, and the path that nginx serves it at."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect", "manifest")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*)+")


class Front:
    """Adds headers to every answer, also to those of mistakes.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def path(request: Request) -> str:
    """The path that is asked for. `request.url` would read the Host header too, which may be anything."""
    found: str = request.scope["path"]
    return found


def query(request: Request) -> str:
    """What follows the question mark."""
    return bytes(request.scope["query_string"]).decode("latin-1")


def base(request: Request) -> str:
    """The path that nginx serves the dashboard at, without a slash at its end; empty at the root."""
    given = request.headers.get("x-forwarded-prefix", "").rstrip("/")
    return given if _PREFIX.fullmatch(given) else ""


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS with the router."""
    return request.headers.get("x-forwarded-proto") == "https"


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer: browsers ask for HTML by name, scripts do not."""
    return "text/html" in request.headers.get("accept", "")
