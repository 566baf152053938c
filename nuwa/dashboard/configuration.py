"""The configuration: editing, checking, comparing, applying, and its history."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nuwa.agent.client import Refused
from nuwa.dashboard import agent_api, request_context
from nuwa.dashboard.responses import as_json
from nuwa.web import limits, request_body


async def show(request: Request) -> Response:
    """The configuration: as JSON for scripts, in an editor for people."""
    _, raw, headers = await agent_api.ask(request, "GET", "/config")
    if not request_context.wants_page(request):
        passed = {key: value for key, value in headers.items() if key.lower() in ("etag", "x-nuwa-applied")}
        return Response(raw, headers=passed, media_type="application/json")
    text, revision = raw.decode("utf-8", "replace"), _revision(headers)
    chosen = request.query_params.get("from", "")
    if chosen:
        text = await _old(request, chosen)
    notes = [f"This is revision {chosen}: check it, then save it."] if chosen else []
    if done := request.query_params.get("saved"):
        notes.append(done[:2000])
    return await _editor(request, text, revision, notes=notes)


async def put(request: Request) -> Response:
    """A new configuration from a script, passed on to the agent."""
    body = await request_body.read(request, limits.CONFIG_BYTES)
    passed = {"If-Match": request.headers["if-match"]} if "if-match" in request.headers else {}
    is_dry = request.query_params.get("dry_run", "")
    done = await agent_api.ask(request, "PUT", "/config", body, passed, query={"dry_run": is_dry})
    return as_json(done, headers={"ETag": f'"{done["revision"]}"'})


async def edit(request: Request) -> Response:
    """An edited configuration: checked and compared, or applied."""
    fields = request_context.form(request)
    if not {"text", "revision"} <= fields.keys():
        raise HTTPException(400, "a field of the form is missing")
    # Browsers send line breaks in a form as CRLF.
    text, revision = fields["text"].replace("\r\n", "\n"), fields["revision"]
    if not re.fullmatch("[0-9a-f]{0,64}", revision):
        raise HTTPException(400, "the form names no revision")
    is_dry = fields.get("action") != "save"
    headers = {"If-Match": f'"{revision}"'}
    try:
        done = await agent_api.ask(
            request, "PUT", "/config", text.encode(), headers, query={"dry_run": "1" if is_dry else ""}
        )
    except Refused as error:
        if error.status == 412:
            return await _conflict(request, text)
        if error.status not in (400, 409, 422):
            raise
        problems = error.problems or [{"path": "", "message": error.message, "line": None, "hint": ""}]
        return await _editor(request, text, revision, 422, problems=problems)
    if is_dry:
        _, raw, _ = await agent_api.ask(request, "GET", "/config")
        difference = diff(raw.decode("utf-8", "replace"), text, "applied", "as edited")
        return await _editor(request, text, revision, difference=difference, done=done)
    return RedirectResponse(
        request_context.home(request, f"/config?{urlencode({'saved': summary(done)})}"), 303
    )


async def history(request: Request) -> Response:
    """Every configuration that was applied."""
    found = await agent_api.ask(request, "GET", "/config/history")
    return (
        as_json(found)
        if not request_context.wants_page(request)
        else RedirectResponse(request_context.home(request, "/config#history"), 303)
    )


async def revision(request: Request) -> Response:
    """A configuration that was applied once, compared with the present one."""
    name = request.path_params["revision"]
    text = await _old(request, name)
    if not request_context.wants_page(request):
        return Response(text, media_type="application/json")
    _, raw, _ = await agent_api.ask(request, "GET", "/config")
    difference = diff(raw.decode("utf-8", "replace"), text, "now", name)
    return request_context.page(request, "revision", revision=name, text=text, difference=difference)


async def schema(request: Request) -> Response:
    """The JSON Schema of it."""
    return as_json(await agent_api.ask(request, "GET", "/config/schema"))


async def _conflict(request: Request, text: str) -> Response:
    """Somebody else changed the file meanwhile: show both, and let the user decide to save again."""
    _, raw, headers = await agent_api.ask(request, "GET", "/config")
    difference = diff(raw.decode("utf-8", "replace"), text, "as changed by someone else", "as edited here")
    return await _editor(request, text, _revision(headers), 412, difference=difference, is_conflict=True)


async def _editor(request: Request, text: str, revision: str, status: int = 200, **values: Any) -> Response:
    found = await agent_api.ask(request, "GET", "/config/history")
    common: dict[str, Any] = {"notes": [], "problems": [], "difference": None, "done": None}
    common.update(is_conflict=False, history=found["history"][:50], text=text, revision=revision)
    return request_context.page(request, "config", status, **{**common, **values})


async def _old(request: Request, name: str) -> str:
    target = f"/config/history/{agent_api.segment(name)}"
    async with agent_api.opened(request, "GET", target) as reply:
        raw = await reply.body()
        if reply.status == 403:
            raise Refused(403, json.loads(raw)["error"])
        if reply.status >= 400:
            raise HTTPException(404, "there is no such revision")
    return raw.decode("utf-8", "replace")


def diff(before: str, after: str, old: str, new: str) -> list[tuple[str, str]]:
    """The lines that differ, each with its kind: `head`, `add`, `remove` or `same`."""
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="")
    return [(_kind(line), line) for line in lines]


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "head"
    return {"+": "add", "-": "remove"}.get(line[:1], "same")


def summary(done: dict[str, Any]) -> str:
    """The effects of a new configuration, in one sentence."""
    parts = [f"{verb} {', '.join(done[verb])}" for verb in ("started", "restarted", "stopped") if done[verb]]
    text = f"Revision {done['revision']} was applied" + (": " + "; ".join(parts) if parts else "") + "."
    return " ".join([text, *done["warnings"]])


def _revision(headers: Any) -> str:
    found = {key.lower(): value for key, value in headers.items()}
    return str(found.get("etag", "")).strip('"')
