"""The webhook listener: the only part of the agent that can be reached from outside, through nginx."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nuwa.agent.agent import Agent
from nuwa.agent.api.responses import HANDLERS, answer, failure
from nuwa.agent.audit import Actor
from nuwa.agent.config import processes
from nuwa.agent.webhooks import git, payloads, signatures
from nuwa.agent.webhooks.run_store import Delivery, Replay
from nuwa.errors import NuwaError
from nuwa.web import limits, request_body
from nuwa.web.client_address import client_address
from nuwa.web.rate_limit import Limiter


def application(agent: Agent) -> Starlette:
    """The listener of an agent."""
    return Starlette(
        routes=[Route("/webhook/{name}", _Listener(agent).receive, methods=["GET", "POST"])],
        exception_handlers=HANDLERS,
    )


class _Listener:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._limiter = Limiter()

    async def receive(self, request: Request) -> Response:
        """Accept a delivery: authenticate its sender, parse it, store it on disk, and only then answer."""
        name = str(request.path_params["name"])
        hook = self._agent.loaded.config.webhooks.get(name)
        address = client_address(request)
        if hook is None:
            self._count(address, "")
            raise HTTPException(404, "there is no such webhook")
        headers = {key.lower(): value for key, value in request.headers.items()}
        body = await request_body.read(request, limits.WEBHOOK_BYTES)
        # Authenticated first: a forge sends everybody's hooks from the same addresses, so failed attempts of
        # others from there must not block the owner's deliveries.
        sender = signatures.prove(headers, body, hook.token)
        if sender is None:
            self._count(address, name)
            return failure(401, "signature", "the signature or token is missing or wrong")
        repository = Path(processes.absolute(hook.path, self._agent.loaded.base))
        branch = hook.branch or await asyncio.to_thread(git.checked_out, repository)
        return self._take(name, branch, headers, body, sender, address)

    def _count(self, address: str, hook: str) -> None:
        """Count a failed attempt of an address at a hook.

        Raises:
            HTTPException: 429, there were too many.
        """
        wait = self._limiter.wait(address, hook)
        if wait:
            raise HTTPException(429, "too many failed attempts", {"Retry-After": str(int(wait) + 1)})
        self._limiter.fail(address, hook)

    def _take(
        self,
        name: str,
        branch: str,
        headers: dict[str, str],
        body: bytes,
        sender: signatures.Sender,
        address: str,
    ) -> Response:
        try:
            # Without a body, a person is testing the hook; only GitLab's header can authenticate that.
            found = payloads.read(headers, body) if body else payloads.Push(branch, "")
        except payloads.BadPayload as error:
            return failure(400, "payload", str(error))
        if isinstance(found, str):
            return answer({"ignored": found})
        if found.deleted:
            return answer({"ignored": f"{found.branch} was deleted"})
        if branch and found.branch != branch:
            return answer({"ignored": f"{found.branch} is not {branch}"})
        delivery = Delivery(
            signatures.delivery_id(headers) or f"unnamed-{uuid.uuid4()}",
            signatures.digest(body),
            is_signed=sender.signed,
        )
        try:
            accepted = self._agent.history.accept(name, delivery, found.commit)
        except Replay:
            return failure(409, "replay", "this message was already delivered, under another delivery id")
        except NuwaError as error:
            return failure(503, "full", error.message, headers={"Retry-After": "60"})
        if accepted.duplicate:
            return answer({"duplicate": accepted.run})
        self._agent.dispatcher.add(name, accepted)
        self._agent.trail.record(Actor(name, "push", address), "run hook", name, f"run {accepted.run}")
        return answer({"run": accepted.run}, 202)
