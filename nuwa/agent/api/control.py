"""The control API on the unix socket (docs/architecture.md, "Host agent")."""

from __future__ import annotations

import os
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nuwa import __version__
from nuwa.agent.agent import Agent
from nuwa.agent.api.endpoints import ENDPOINTS
from nuwa.agent.api.guard import Guard, actor_of
from nuwa.agent.api.responses import HANDLERS, answer, failure, stream
from nuwa.agent.audit import Actor
from nuwa.agent.host import journal
from nuwa.agent.host.journal import Query, Sources
from nuwa.agent.webhooks.run_store import Delivery
from nuwa.web import limits, request_body

MAX_ID_DIGITS = 19
"""Digits in the number of a run."""
SESSION_EVENTS = {
    "log-in": ("log in", "ok"),
    "log-in-by-recovery-code": ("log in by recovery code", "ok"),
    "wrong-code": ("log in", "refused: the code of the second factor is wrong"),
    "log-out": ("log out", "ok"),
}
"""Events of sessions that the dashboard reports: action and outcome in the audit trail."""


def application(agent: Agent) -> Starlette:
    """The control API of an agent."""
    api = _Api(agent)
    guard = Guard(agent)
    routes = [
        Route(
            endpoint.path,
            guard.protect(endpoint, getattr(api, endpoint.handler)),
            methods=list(endpoint.methods),
        )
        for endpoint in ENDPOINTS
    ]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


class _Api:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def health(self, request: Request) -> Response:
        about = {"version": __version__, "pid": os.getpid(), "since": self._agent.started}
        return answer({"ok": True, **about})

    async def ls(self, request: Request) -> Response:
        return answer(await self._agent.listing())

    async def watch(self, request: Request) -> Response:
        return stream(self._agent.watch())

    async def start(self, request: Request) -> Response:
        return answer(await self._agent.act("start", _name(request), str(actor_of(request))))

    async def stop(self, request: Request) -> Response:
        return answer(await self._agent.act("stop", _name(request), str(actor_of(request))))

    async def restart(self, request: Request) -> Response:
        return answer(await self._agent.act("restart", _name(request), str(actor_of(request))))

    async def run_once(self, request: Request) -> Response:
        return answer(await self._agent.run_once(_name(request), _name(request, "command")))

    async def log(self, request: Request) -> Response:
        name = request.path_params.get("name")
        chosen = [self._agent.inventory.find(name)] if name else self._agent.services()
        query = _query(request)
        if request.query_params.get("follow") not in (None, "", "0"):
            return stream(self._agent.follow(chosen, query))
        lines = await journal.lines(Sources(chosen), query)
        return answer({"lines": lines, "cursor": lines[-1]["cursor"] if lines else query.after})

    async def config(self, request: Request) -> Response:
        content = self._agent.configurations.content()
        revision = self._agent.configurations.revision()
        headers = {"ETag": f'"{revision}"', "X-Nuwa-Applied": self._agent.loaded.revision}
        return Response(content, 200, headers, media_type="application/json")

    async def put_config(self, request: Request) -> Response:
        expected = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
        is_dry = request.query_params.get("dry_run") not in (None, "", "0")
        if not expected and not is_dry:
            raise HTTPException(428, "the header If-Match with the revision that was edited is missing")
        body = await request_body.read(request, limits.CONFIG_BYTES)
        who = str(actor_of(request))[:100]
        done = await self._agent.apply(body, expected=expected.lstrip("-"), dry_run=is_dry, who=who)
        return answer(done, headers={"ETag": f'"{done["revision"]}"'})

    async def apply(self, request: Request) -> Response:
        is_dry = request.query_params.get("dry_run") not in (None, "", "0")
        who = str(actor_of(request))[:100]
        return answer(await self._agent.apply(None, expected="", dry_run=is_dry, who=who))

    async def schema(self, request: Request) -> Response:
        from nuwa.resources import PACKAGE

        text = (PACKAGE / "agent/config/schema.json").read_text()  # made by script/generate: no pydantic here
        return Response(text, media_type="application/schema+json")

    async def history(self, request: Request) -> Response:
        return answer({"history": self._agent.configurations.history()})

    async def revision(self, request: Request) -> Response:
        found = self._agent.configurations.find(_name(request, "revision"))
        if found is None:
            return failure(404, "unknown", "there is no such revision")
        return Response(found, media_type="application/json")

    async def hook_restart(self, request: Request) -> Response:
        name = self._hook(request)
        accepted = self._agent.history.accept(name, Delivery(f"manual-{uuid.uuid4()}"), "", forced=True)
        self._agent.dispatcher.add(name, accepted)
        return answer({"run": accepted.run}, 202)

    async def hook_cancel(self, request: Request) -> Response:
        return answer({"cancelled": await self._agent.dispatcher.cancel(self._hook(request))})

    async def runs(self, request: Request) -> Response:
        count = _number(request, "count", 20, 100)
        return answer({"runs": self._agent.history.runs(self._hook(request), count)})

    async def run(self, request: Request) -> Response:
        number = _name(request, "id")
        is_number = number.isascii() and number.isdecimal() and len(number) < MAX_ID_DIGITS
        found = self._agent.history.run(int(number)) if is_number else None
        return answer(found) if found else failure(404, "unknown", "there is no such run")

    async def monitor(self, request: Request) -> Response:
        await self._agent.inventory.refresh_containers()
        return answer(
            {
                "checks": [*self._agent.inventory.health_checks(), *self._agent.monitor.checks()],
                "alerts": self._agent.monitor.alerts(),
                "channels": self._agent.monitor.channels.states(),
            }
        )

    async def test_channel(self, request: Request) -> Response:
        await self._agent.monitor.channels.test(_name(request))
        return answer({"sent": _name(request)})

    async def stats(self, request: Request) -> Response:
        name = request.path_params.get("name", "")
        return answer(await self._agent.stats(name, request.query_params.get("since", "")))

    async def audit(self, request: Request) -> Response:
        since, count = request.query_params.get("since", "0"), _number(request, "count", 200, 10_000)
        try:
            begin = float(since)
        except ValueError:
            raise HTTPException(400, "since is not a number of seconds") from None
        return answer({"entries": self._agent.trail.entries(begin, count)})

    async def session(self, request: Request) -> Response:
        """Somebody logged in to the dashboard, or out."""
        event = _name(request, "event")
        if event not in SESSION_EVENTS:
            raise HTTPException(404, "there is no such event")
        headers = request.headers
        actor = Actor(_name(request), headers.get("x-nuwa-way", "dashboard"), headers.get("x-nuwa-from", ""))
        action, outcome = SESSION_EVENTS[event]
        self._agent.trail.record(actor, action, outcome=outcome)
        return answer({"event": event})

    def _hook(self, request: Request) -> str:
        name = _name(request)
        if name not in self._agent.loaded.config.webhooks:
            raise HTTPException(404, f"there is no webhook {name!r}")
        return name


def _name(request: Request, key: str = "name") -> str:
    return str(request.path_params[key])


def _number(request: Request, key: str, default: int, most: int) -> int:
    """A whole number in the query, at least 1.

    Raises:
        HTTPException: 400, it is not one.
    """
    text = request.query_params.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HTTPException(400, f"{key} is not a whole number")
    return max(1, min(int(text), most))


def _query(request: Request) -> Query:
    given: Any = request.query_params
    priority = given.get("priority")
    texts = {key: given.get(key, "") for key in ("since", "until", "grep", "after")}
    if any("\0" in text or len(text) > 1000 for text in texts.values()):
        raise HTTPException(400, "a value contains a NUL, or is too long")
    if priority is not None and priority not in tuple("01234567"):
        raise HTTPException(400, "priority is not a number from 0 to 7")
    after = texts.pop("after") or request.headers.get("last-event-id", "")[:1000]
    return Query(
        lines=_number(request, "lines", 200, journal.MAX_LINES),
        priority=None if priority is None else int(priority),
        after=after,
        **texts,
    )
