"""Webhooks: their state, their runs with each command's output, running one by hand, cancelling it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nuwa.dashboard import agent_api, request_context
from nuwa.dashboard.responses import as_json

VERBS = {"run": "restart", "cancel": "cancel"}
"""The agent's name of each action."""


async def overview(request: Request) -> Response:
    """Every webhook with its last run."""
    if not request_context.wants_page(request):
        return as_json({"hooks": (await agent_api.ask(request, "GET", "/ls"))["hooks"]})
    board = await request_context.dashboard(request).relay.ready()
    return request_context.page(request, "hooks", hooks=list(board.hooks.values()))


async def runs(request: Request) -> Response:
    """The runs of one webhook."""
    name = request.path_params["name"]
    found = await agent_api.ask(
        request, "GET", f"/hooks/{agent_api.segment(name)}/runs", query={"count": "50"}
    )
    if not request_context.wants_page(request):
        return as_json(found)
    board = await request_context.dashboard(request).relay.ready()
    return request_context.page(request, "runs", name=name, hook=board.hooks.get(name), runs=found["runs"])


async def run(request: Request) -> Response:
    """One run with its whole output."""
    found = await agent_api.ask(request, "GET", f"/runs/{agent_api.segment(request.path_params['id'])}")
    if not request_context.wants_page(request):
        return as_json(found)
    return request_context.page(request, "run", run=found)


async def act(request: Request) -> Response:
    """Run a webhook by hand, or cancel what it does."""
    name, verb = request.path_params["name"], request.path_params["verb"]
    if verb not in VERBS:
        raise HTTPException(404, "there is no such action")
    done = await agent_api.ask(request, "POST", f"/webhook/{agent_api.segment(name)}/{VERBS[verb]}")
    if not request_context.wants_page(request):
        return as_json(done)
    number = done.get("run")
    return RedirectResponse(request_context.home(request, f"/runs/{number}" if number else "/hooks"), 303)
