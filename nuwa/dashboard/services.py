"""Services: the list, one service in detail, starting and stopping; and the monitor's checks."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nuwa.agent.client import AgentDown, Refused
from nuwa.dashboard import agent_api, request_context, sse, stats
from nuwa.dashboard.responses import as_json

VERBS = {"start": "started", "stop": "stopped", "restart": "restarted"}


async def overview(request: Request) -> Response:
    """Every service in a row."""
    if not request_context.wants_page(request):
        return await ls(request)
    board = await request_context.dashboard(request).relay.ready()
    rows = list(board.rows.values())
    own = [row for row in rows if row["kind"] != "core"]
    core = [row for row in rows if row["kind"] == "core"]
    return request_context.page(
        request,
        "overview",
        own=own,
        core=core,
        counts=board.counts(),
        said=_said(request),
        is_edited=await _is_edited(request),
    )


async def ls(request: Request) -> Response:
    """Processes and webhooks, for scripts."""
    return as_json(await agent_api.ask(request, "GET", "/ls"))


async def events(request: Request) -> Response:
    """Changes, as they happen."""
    relay = request_context.dashboard(request).relay
    position = request.headers.get("last-event-id") or request.query_params.get("from", "")
    return sse.answer(request, relay.watch(position))


async def usage(request: Request) -> Response:
    """The last samples of some services, for their charts."""
    board = await request_context.dashboard(request).relay.ready()
    names = request.query_params.getlist("name")[:100]
    return as_json({name: board.history(name) for name in names if name in board.rows})


async def service(request: Request) -> Response:
    """One service in detail."""
    name = request.path_params["name"]
    board = await request_context.dashboard(request).relay.ready()
    if name not in board.rows:
        raise HTTPException(404, "there is no such service")
    if not request_context.wants_page(request):
        listing = await agent_api.ask(request, "GET", "/ls")
        return as_json(next(row for row in listing["ps"] if row["name"] == name))
    path = f"/log/{agent_api.segment(name)}"
    found, history = await asyncio.gather(
        agent_api.ask(request, "GET", path, query={"lines": "30"}), stats.history(request, name)
    )
    shown = {"row": board.rows[name], "lines": found["lines"][::-1], "said": _said(request)}
    return request_context.page(request, "service", **shown, **history)


async def act(request: Request) -> Response:
    """Start, stop or restart; a session's GET, which another site could cause, only asks for confirmation."""
    name, verb = request.path_params["name"], request.path_params["verb"]
    if verb not in VERBS:
        raise HTTPException(404, "there is no such action")
    if request.method != "POST" and not request_context.visitor(request).is_script:
        board = await request_context.dashboard(request).relay.ready()
        if name not in board.rows:
            raise HTTPException(404, "there is no such service")
        return request_context.page(request, "confirm", row=board.rows[name], verb=verb)
    return await _tell(request, f"/{verb}/{agent_api.segment(name)}", "/", f"{verb} failed")


async def run_once(request: Request) -> Response:
    """Have a deployment run one of the commands that its nuwa.toml names."""
    name, command = (agent_api.segment(request.path_params[key]) for key in ("name", "command"))
    return await _tell(request, f"/run/{name}/{command}", f"/proc/{name}", f"{command} was not started")


async def _tell(request: Request, order: str, page: str, failed: str) -> Response:
    """Send the agent a command, and show its result on a page."""
    try:
        done = await agent_api.ask(request, "POST", order)
    except (AgentDown, Refused) as error:
        if not request_context.wants_page(request):
            raise
        done = {"name": request.path_params["name"], "message": f"{failed}: {error.message}"}
    if not request_context.wants_page(request):
        return as_json(done)
    said = urlencode({"said": f"{done['name']}: {done['message']}"[:300]})
    return RedirectResponse(request_context.home(request, f"{page}?{said}"), 303)


async def monitor(request: Request) -> Response:
    """Checks, alerts, certificates and backups."""
    found = await agent_api.ask(request, "GET", "/monitor")
    if not request_context.wants_page(request):
        return as_json(found)
    order = {"failed": 0, "warning": 1, "unknown": 2, "ok": 3}
    checks = sorted(found["checks"], key=lambda check: (order.get(check["state"], 2), check["name"]))
    rows = (await request_context.dashboard(request).relay.ready()).rows.values()
    kept = [row for row in rows if row["kind"] == "deployment" or row["certificate_end"] or row["domains"]]
    alerts = found["alerts"][:100]
    return request_context.page(
        request, "monitor", checks=checks, alerts=alerts, kept=kept, channels=found["channels"]
    )


async def _is_edited(request: Request) -> bool:
    """Whether somebody edited the configuration by hand, and did not apply it."""
    try:
        _, _, headers = await agent_api.ask(request, "GET", "/config")
    except (AgentDown, Refused):
        return False
    found = {key.lower(): value.strip('"') for key, value in headers.items()}
    return found.get("x-nuwa-applied", found.get("etag")) != found.get("etag")


def _said(request: Request) -> str:
    """The message after a form that was sent without JavaScript."""
    return request.query_params.get("said", "")[:300]
