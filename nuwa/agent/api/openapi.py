"""The OpenAPI description of the control API and of the webhook listener, generated from the schemas."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from nuwa import __version__
from nuwa.agent import schemas
from nuwa.agent.api.endpoints import endpoint_of
from nuwa.agent.webhooks.signatures import SIGNED
from nuwa.manifest.checks import app_name
from nuwa.manifest.validation import adapter

REFERENCE = "#/components/schemas/{model}"
ERROR = {"$ref": REFERENCE.format(model="ErrorAnswer")}


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Args:
        answers: the schema of the body, by status; None for a stream of events, a string for a reference.
        errors: the statuses that carry an error.
        query: names of parameters in the query.
    """

    method: str
    path: str
    summary: str
    answers: dict[int, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    body: str = ""
    headers: tuple[str, ...] = ()


_NAME = {"type": "string", "pattern": f"^(?:{app_name.expression})$"}
_PATH: dict[str, Any] = {
    "name": _NAME,
    "command": _NAME,
    "revision": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "id": {"type": "integer", "minimum": 0},
    "event": {"type": "string", "enum": ["log-in", "log-in-by-recovery-code", "wrong-code", "log-out"]},
}
_QUERY: dict[str, tuple[str, Any]] = {
    "lines": (
        "Maximum number of lines: the newest, or the first ones after a cursor.",
        {"type": "integer", "minimum": 1, "maximum": 10000},
    ),
    "since": ("Start time, as journalctl takes it: -1h, 2026-11-22 10:00.", {"type": "string"}),
    "period": ("Period that ends now: 24h (default), 7d, 30d, 1y.", {"type": "string"}),
    "until": ("Not after.", {"type": "string"}),
    "grep": ("Only lines that match this regular expression.", {"type": "string"}),
    "priority": (
        "Only messages of this syslog priority or a more urgent one.",
        {"type": "string", "enum": list("01234567")},
    ),
    "after": ("Only entries after this cursor; overrides since.", {"type": "string"}),
    "follow": ("1: keep streaming new lines.", {"type": "string", "enum": ["0", "1"]}),
    "dry_run": ("1: change nothing.", {"type": "string", "enum": ["0", "1"]}),
    "since_seconds": ("Start time, in Unix seconds.", {"type": "number"}),
    "entries": ("Maximum number.", {"type": "integer", "minimum": 1, "maximum": 10000}),
    "count": ("Maximum number.", {"type": "integer", "minimum": 1, "maximum": 100}),
}
_SPELLED = {"period": "since", "since_seconds": "since", "entries": "count"}
"""Parameters that share a name with another of a different meaning: the name in the URL."""
_LOG = ("lines", "since", "until", "grep", "priority", "after", "follow")


def _one(name: str, kind: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: kind}, "required": [name]}


def _many(name: str, shape: str) -> dict[str, Any]:
    return _one(name, {"type": "array", "items": {"$ref": REFERENCE.format(model=shape)}})


_ID = {"type": "integer"}
_TEXT = {"type": "string"}
_CONFIG = {"type": "object"}

CONTROL = (
    Operation("get", "/health", "State of the agent.", {200: _CONFIG}),
    Operation("get", "/ls", "Every service and every webhook.", {200: "Listing"}, (409,)),
    Operation("get", "/watch", "All changes, as server-sent events.", {200: None}),
    *(
        Operation(
            method, f"/{verb}/{{name}}", f"{verb.capitalize()} a service.", {200: "Outcome"}, (404, 409)
        )
        for verb in ("start", "stop", "restart")
        for method in ("get", "post")
    ),
    Operation(
        *("post", "/run/{name}/{command}", "Run a one-off command of a deployment.", {200: "Outcome"}),
        (404, 409),
    ),
    Operation("get", "/log", "The log of all services.", {200: "Lines"}, (400, 409), _LOG),
    Operation("get", "/log/{name}", "The log of a service.", {200: "Lines"}, (400, 404, 409), _LOG),
    Operation("get", "/config", "The configuration's file, with its revision as ETag.", {200: _CONFIG}),
    Operation(
        *("put", "/config", "Replace the configuration and apply it.", {200: "Applied"}),
        (400, 408, 409, 412, 413, 422, 428),
        ("dry_run",),
        body="application/json",
        headers=("If-Match", "X-Nuwa-Who"),
    ),
    Operation(
        *("post", "/config/apply", "Apply the file as it is.", {200: "Applied"}),
        (409, 422),
        ("dry_run",),
    ),
    Operation("get", "/config/schema", "The JSON Schema of the configuration.", {200: _CONFIG}),
    Operation(
        "get", "/config/history", "Configurations that were applied.", {200: _many("history", "Revision")}
    ),
    Operation("get", "/config/history/{revision}", "An earlier configuration.", {200: _CONFIG}, (404,)),
    Operation("post", "/webhook/{name}/restart", "Run a webhook again.", {202: _one("run", _ID)}, (404, 409)),
    Operation(
        *("post", "/webhook/{name}/cancel", "Cancel a webhook's run and everything queued."),
        {200: _one("cancelled", {"type": "array", "items": _ID})},
        (404, 409),
    ),
    Operation(
        *("get", "/hooks/{name}/runs", "The last runs of a webhook.", {200: _many("runs", "Run")}),
        (400, 404),
        ("count",),
    ),
    Operation("get", "/runs/{id}", "One run with all its output.", {200: "Run"}, (404,)),
    Operation("get", "/monitor", "Checks, alerts and channels.", {200: _CONFIG}),
    Operation(
        "post", "/alert/{name}/test", "Send a test over a channel.", {200: _one("sent", _TEXT)}, (400, 409)
    ),
    Operation(
        *("get", "/stats", "Resource use of the host over time.", {200: "Stats"}),
        (400, 409),
        ("period",),
    ),
    Operation(
        *("get", "/stats/{name}", "Resource use and requests of a service over time.", {200: "Stats"}),
        (400, 404, 409),
        ("period",),
    ),
    Operation(
        *(
            "get",
            "/audit",
            "Who did what, and how, newest first.",
            {200: _many("entries", "AuditEntry")},
        ),
        (400,),
        ("since_seconds", "entries"),
    ),
    Operation(
        *("post", "/session/{name}/{event}", "Record that somebody logged in to the dashboard, or out."),
        {200: _one("event", _TEXT)},
        (404,),
    ),
)
LISTENER = (
    Operation(
        *("post", "/webhook/{name}", "A delivery of GitHub, GitLab or Gitea."),
        {202: _one("run", _ID), 200: _CONFIG},
        (400, 401, 404, 408, 409, 413, 429, 503),
        body="application/json",
        headers=(*(name.title() for name, _, _ in SIGNED), "X-Gitlab-Token"),
    ),
    Operation(
        *("get", "/webhook/{name}", "Trigger a webhook by hand, with GitLab's token."),
        {202: _one("run", _ID), 200: _CONFIG},
        (400, 401, 404, 409, 429, 503),
        headers=("X-Gitlab-Token",),
    ),
)


def description() -> dict[str, Any]:
    """Both interfaces. The listener's paths are told apart by their server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nuwa's host agent",
            "version": __version__,
            "description": "The control API on /run/nuwa/control.sock, and the webhook listener.",
        },
        "paths": {**_paths(CONTROL, "control"), **_paths(LISTENER, "webhooks")},
        "components": {"schemas": _schemas()},
    }


def text() -> str:
    """The description as it is published."""
    return json.dumps(description(), indent=2, ensure_ascii=False) + "\n"


def _paths(operations: tuple[Operation, ...], tag: str) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, tag)
    return paths


def _operation(operation: Operation, tag: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PATH.items()
        if f"{{{name}}}" in operation.path
    ]
    for name in operation.query:
        text, schema = _QUERY[name]
        parameters.append(
            {"name": _SPELLED.get(name, name), "in": "query", "description": text, "schema": schema}
        )
    parameters += [{"name": name, "in": "header", "schema": _TEXT} for name in operation.headers]
    responses = {str(status): _answer(shape, operation) for status, shape in operation.answers.items()}
    responses |= {
        str(status): _content("An error.", "application/json", ERROR) for status in operation.errors
    }
    made: dict[str, Any] = {"tags": [tag], "summary": operation.summary, "parameters": parameters}
    if tag == "control":
        made["x-nuwa-right"] = endpoint_of(operation.method, operation.path).right
        responses["403"] = _content("The named token lacks the right.", "application/json", ERROR)
    if operation.body:
        made["requestBody"] = {"required": True, "content": {operation.body: {"schema": _CONFIG}}}
    return {**made, "responses": responses}


def _answer(shape: Any, operation: Operation) -> dict[str, Any]:
    if shape is None:
        return _content("Events.", "text/event-stream", _TEXT)
    schema = {"$ref": REFERENCE.format(model=shape)} if isinstance(shape, str) else shape
    made = _content(operation.summary, "application/json", schema)
    if "follow" in operation.query:
        made["content"]["text/event-stream"] = {"schema": _TEXT}
    if operation.path == "/config/schema":
        made["content"] = {"application/schema+json": {"schema": schema}}
    return made


def _content(summary: str, media: str, schema: Any) -> dict[str, Any]:
    return {"description": summary, "content": {media: {"schema": schema}}}


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for shape in (
        schemas.Listing,
        schemas.Outcome,
        schemas.Lines,
        schemas.Applied,
        schemas.Revision,
        schemas.Run,
        schemas.Check,
        schemas.Alert,
        schemas.Stats,
        schemas.AuditEntry,
        schemas.ErrorAnswer,
    ):
        made = adapter(shape).json_schema(ref_template=REFERENCE)
        found.update(made.pop("$defs", {}))
        found[shape.__name__] = made
    return dict(sorted(found.items()))
