"""The client's address as nginx passes it on: `templates/nginx/forwarded.j2` sets the header."""

from __future__ import annotations

from starlette.requests import Request

HEADER = "x-real-ip"


def client_address(request: Request) -> str:
    """The visitor's address. Only this host can reach the sockets, so nobody else can set the header."""
    return request.headers.get(HEADER) or (request.client.host if request.client else "")
