"""Webhooks: their state, their runs with each command's output, running one by hand, cancelling it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nuwa.dashboard import calls, visits
from nuwa.dashboard.answers import as_json

VERBS = {"run": "restart", "cancel": "cancel"}
"""What each action is called by the agent."""


async def overview(request: Request) -> Response:
    """Every webhook with its last run."""
    if not visits.wants_page(request):
        return as_json({"hooks": (await calls.ask(request, "GET", "/ls"))["hooks"]})
    board = await visits.dashboard(request).relay.ready()
    return visits.page(request, "hooks", hooks=list(board.hooks.values()))


async def runs(request: Request) -> Response:
    """The runs of one webhook."""
    name = request.path_params["name"]
    found = await calls.ask(request, "GET", f"/hooks/{calls.segment(name)}/runs", query={"count": "50"})
    if not visits.wants_page(request):
        return as_json(found)
    board = await visits.dashboard(request).relay.ready()
    return visits.page(request, "runs", name=name, hook=board.hooks.get(name), runs=found["runs"])


async def run(request: Request) -> Response:
    """One run with its whole output."""
    found = await calls.ask(request, "GET", f"/runs/{calls.segment(request.path_params['id'])}")
    if not visits.wants_page(request):
        return as_json(found)
    return visits.page(request, "run", run=found)


async def act(request: Request) -> Response:
    """Run a webhook by hand, or cancel what it does."""
    name, verb = request.path_params["name"], request.path_params["verb"]
    if verb not in VERBS:
        raise HTTPException(404, "there is no such action")
    done = await calls.ask(request, "POST", f"/webhook/{calls.segment(name)}/{VERBS[verb]}")
    if not visits.wants_page(request):
        return as_json(done)
    number = done.get("run")
    return RedirectResponse(visits.home(request, f"/runs/{number}" if number else "/hooks"), 303)
