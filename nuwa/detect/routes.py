"""The routes of a Flask, FastAPI or Starlette application: a path that answers, websockets."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from nuwa.detect.source import Source, called, keyword
from nuwa.detect.tree import Tree

_WEBSOCKET_METHODS = ("websocket", "add_websocket_route", "websocket_route", "add_api_websocket_route")


def has_websocket(item: Source) -> bool:
    """Whether a module has a route for websockets."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in _WEBSOCKET_METHODS for node in ast.walk(item.tree)
    )


_ROUTE = re.compile(
    r"""@(\w+)\.(?:route|get|head|api_route)\(\s*["']([^"']*)["']|add_(?:url_rule|api_route|route)\(\s*["']([^"']*)["']"""
)


_HEALTH = re.compile(
    r"^/(?:api/|v\d+/)*(?:health\w*|healthz|health[-_/]?check|ping|livez|readyz|alive|heartbeat|up|status)/?$"
)


def health(tree: Tree, sources: Sequence[Source], framework: str) -> tuple[str, list[str]]:
    """A path that answers, and a sentence where none is known. Empty: `/` does."""
    routes: list[tuple[str, str]] = []
    mounted_at_top = False
    for path in tree.python:
        content = tree.content(path)
        if b"@" not in content and b"add_" not in content:
            continue
        text = tree.text(path)
        routes += [(found[0], found[1] or found[2]) for found in _ROUTE.findall(text)]
        mounted_at_top |= bool(re.search(r"""\.mount\(\s*["']/?["']""", text))
    own = [path for owner, path in routes if owner in ("app", "application", "api", "")]
    healthy = next((path for path in own if _HEALTH.match(path)), "")
    if healthy:
        return healthy, []
    paths = {path for _, path in routes}
    if framework == "Flask":
        top = bool(paths & {"/", "", "/index"})
        return "", [] if top else [
            "no route for / was found: set [health] path to one that answers without a login"
        ]
    if "/" in own or mounted_at_top:
        return "", []
    return (
        ("/docs", [])
        if framework == "FastAPI" and _has_docs(sources)
        else (
            "",
            ["no route for / was found: set [health] path to one that answers without a login"],
        )
    )


def _has_docs(sources: Sequence[Source]) -> bool:
    """Whether FastAPI serves its own page at /docs."""
    for item in sources:
        for node in ast.walk(item.tree):
            if called(node) == "FastAPI" and isinstance(node, ast.Call):
                return (
                    keyword(node, "docs_url") is None
                    and not (
                        isinstance(given := keyword(node, "openapi_url"), ast.Constant)
                        and given.value is None
                    )
                    and not any(word.arg is None for word in node.keywords)
                )
    return False
