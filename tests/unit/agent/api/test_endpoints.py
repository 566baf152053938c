"""The table of rights: no route of the control API is without one, and the published description has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from nuwa.access.rights import RIGHTS
from nuwa.agent.api import control, openapi
from nuwa.agent.api.endpoints import ENDPOINTS, Endpoint, endpoint_of
from nuwa.agent.api.guard import Guard


def application() -> Starlette:
    agent: Any = SimpleNamespace(paths=SimpleNamespace(tokens=Path("/nowhere")))
    return control.application(agent)


def routes() -> set[tuple[str, str]]:
    """Every method and path that is answered."""
    found = set()
    for route in application().routes:
        known: Any = route
        found |= {(method, known.path) for method in known.methods - {"HEAD"}}
    return found


def test_every_route_is_in_the_table_with_a_right() -> None:
    listed = [(method, item.path) for item in ENDPOINTS for method in item.methods]
    assert routes() == set(listed)
    assert len(listed) == len(set(listed)), "each method of a path has one right"
    assert {item.right for item in ENDPOINTS} <= set(RIGHTS)


def test_the_description_holds_the_same_routes_with_their_rights() -> None:
    paths = openapi.description()["paths"]
    described = {
        (method.upper(), path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["tags"] == ["control"]
    }
    assert set(described) == routes()
    for (method, path), operation in described.items():
        assert operation["x-nuwa-right"] == endpoint_of(method, path).right
        assert "403" in operation["responses"]


@pytest.mark.parametrize("item", ENDPOINTS, ids=lambda item: f"{item.methods[-1]} {item.path}")
def test_what_changes_something_takes_more_than_to_see_and_is_written_down(item: Endpoint) -> None:
    changes = set(item.methods) - {"GET"} and not item.path.startswith("/session/")
    assert bool(item.action) == bool(changes)
    assert not changes or item.right in ("operate", "configure")
    assert not item.target or item.right == "operate", "only that right is limited to services"


@pytest.mark.parametrize("item", [item for item in ENDPOINTS if item.path.startswith("/config")])
def test_the_configuration_with_its_secrets_takes_the_right_to_configure(item: Endpoint) -> None:
    assert item.right == "configure" or item.path == "/config/schema"


@pytest.mark.parametrize(
    ("method", "path", "query", "is_recorded"),
    [
        ("PUT", "/config", b"", True),
        ("PUT", "/config", b"dry_run=1", False),
        ("POST", "/config/apply", b"dry_run=1", False),
        ("POST", "/restart/{name}", b"", True),
        ("POST", "/restart/{name}", b"dry_run=1", True),
        ("POST", "/webhook/{name}/restart", b"dry_run=1", True),
        ("POST", "/alert/{name}/test", b"dry_run=1", True),
    ],
)
def test_what_changes_something_is_written_down_whatever_the_query_says(
    method: str, path: str, query: bytes, is_recorded: bool
) -> None:
    written: list[Any] = []
    trail = SimpleNamespace(record=lambda *given: written.append(given))
    agent: Any = SimpleNamespace(paths=SimpleNamespace(tokens=Path("/nowhere")), trail=trail)

    async def handler(request: Request) -> Response:
        return Response("done")

    request = Request(
        {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [],
            "path_params": {"name": "web"},
        }
    )
    asyncio.run(Guard(agent).protect(endpoint_of(method, path), handler)(request))  # type: ignore[arg-type]
    assert bool(written) == is_recorded
