"""Where a request comes from, as nginx says."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request

from nuwa.resources import TEMPLATES
from nuwa.web.client_address import HEADER, client_address


@pytest.mark.parametrize(
    ("headers", "peer", "expected"),
    [
        ({"x-real-ip": "192.0.2.7"}, ("127.0.0.1", 1), "192.0.2.7"),
        ({"x-forwarded-for": "192.0.2.7"}, ("127.0.0.1", 1), "127.0.0.1"),
        ({}, None, ""),
    ],
)
def test_nginx_names_the_visitor_and_else_the_peer_counts(
    headers: dict[str, str], peer: tuple[str, int] | None, expected: str
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert client_address(Request({"type": "http", "headers": raw, "client": peer})) == expected


def test_the_header_is_one_that_nginx_overwrites() -> None:
    text = (TEMPLATES / "nginx/forwarded.j2").read_text()
    assert re.search(rf"(?im)^ *proxy_set_header {HEADER} \$remote_addr;$", text)
