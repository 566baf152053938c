"""The routes of a Flask, FastAPI or Starlette application: a path for health checks, and WebSockets."""

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


def _is_open(text: str, route: re.Match[str]) -> bool:
    """Whether no other decorator of a route's function requires authentication."""
    if not route[1]:
        return True
    decorators = text[route.end() : text.find("def ", route.end())]
    return not re.search(r"@\S*(?:auth|login|token|permission|require|apikey|protected)", decorators, re.I)


def health(tree: Tree, sources: Sequence[Source], framework: str) -> tuple[str, list[str]]:
    """A path that answers (empty: `/`), and a sentence if none is known."""
    routes: list[tuple[str, str]] = []
    made: dict[str, str | None] = {}
    registered: dict[str, str | None] = {}
    mounted_at_top = guarded = False
    for path in tree.python:
        content = tree.content(path)
        if b"@" not in content and b"add_" not in content and b"register_blueprint" not in content:
            continue
        text = tree.text(path)
        if framework == "Flask":
            made |= _prefixes(_BLUEPRINT, text)
            registered |= _prefixes(_REGISTERED, text)
        for found in _ROUTE.finditer(text):
            if _is_open(text, found):
                routes.append((found[1], found[2] or found[3]))
            else:
                guarded |= found[2] == "/"
        mounted_at_top |= bool(re.search(r"""\.mount\(\s*["']/?["']""", text))
    own = [path for owner, path in routes if owner in ("app", "application", "api", "")]
    prefixes = {name: registered.get(name, prefix) for name, prefix in made.items()}
    if healthy := _health_path(own, routes, prefixes):
        return healthy, []
    paths = {path for _, path in routes}
    if framework == "Flask":
        # Flask-Login redirects a client that is not logged in to its login page; that counts as an answer.
        leads_to_login = guarded and any(b".login_view" in tree.content(path) for path in tree.python)
        top = bool(paths & {"/", "", "/index"}) or leads_to_login
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


def _health_path(
    own: Sequence[str], routes: Sequence[tuple[str, str]], prefixes: dict[str, str | None]
) -> str:
    """A path whose name says that it is for health checks: the application's, else a blueprint's."""
    for path in own:
        if _HEALTH.match(path):
            return path
    for owner, path in routes:
        prefix = prefixes.get(owner)
        if prefix is not None and (_HEALTH.match(path) or _HEALTH.match(prefix + path)):
            return prefix.rstrip("/") + path
    return ""


_BLUEPRINT = re.compile(r"\b(\w+) *= *(?:flask\.)?Blueprint\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_REGISTERED = re.compile(r"\.register_blueprint\(\s*(?:\w+\.)*(\w+)\s*,([^()]*)\)")
_URL_PREFIX = re.compile(r"""url_prefix *= *(?:["']([^"']*)["'])?""")


def _prefixes(pattern: re.Pattern[str], text: str) -> dict[str, str | None]:
    """The URL prefix that a file gives to each blueprint; None: it is computed."""
    found: dict[str, str | None] = {}
    for name, words in pattern.findall(text):
        given = _URL_PREFIX.search(words)
        if given or pattern is _BLUEPRINT:
            found[name] = given[1] if given else ""
    return found


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
