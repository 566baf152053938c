"""The webhook listener: the only part of the agent that strangers reach, through nginx."""

from __future__ import annotations

import uuid
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nuwa.agent import bodies, git, payloads, processes, signatures
from nuwa.agent.agent import Agent
from nuwa.agent.answers import HANDLERS, answer, failure
from nuwa.agent.history import Replay
from nuwa.agent.limiter import Limiter
from nuwa.errors import NuwaError

LARGEST = 25 * 1024 * 1024
"""Bytes; GitHub sends no more."""


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
        """Take a delivery: prove its sender, understand it, have it on disk, and only then say so."""
        name = str(request.path_params["name"])
        hook = self._agent.loaded.config.webhooks.get(name)
        address = _address(request)
        wait = self._limiter.wait(address)
        if wait:
            raise HTTPException(429, "too many failures", {"Retry-After": str(int(wait) + 1)})
        if hook is None:
            self._limiter.fail(address)
            raise HTTPException(404, "there is no such webhook")
        headers = {key.lower(): value for key, value in request.headers.items()}
        body = await bodies.read(request, LARGEST)
        sender = signatures.prove(headers, body, hook.token)
        if sender is None:
            self._limiter.fail(address)
            return failure(401, "signature", "the signature or token is missing or wrong")
        self._limiter.succeed(address)
        repository = Path(processes.absolute(hook.path, self._agent.loaded.base))
        return self._take(name, hook.branch or git.checked_out(repository), headers, body, sender)

    def _take(
        self, name: str, branch: str, headers: dict[str, str], body: bytes, sender: signatures.Sender
    ) -> Response:
        try:
            # Without a body a person tries the hook out by hand; only GitLab's header can prove that.
            found = payloads.read(headers, body) if body else payloads.Push(branch, "")
        except payloads.BadPayload as error:
            return failure(400, "payload", str(error))
        if isinstance(found, str):
            return answer({"ignored": found})
        if found.deleted:
            return answer({"ignored": f"{found.branch} was deleted"})
        if branch and found.branch != branch:
            return answer({"ignored": f"{found.branch} is not {branch}"})
        digest = signatures.digest(body) if sender.signed else None
        delivery = signatures.delivery_id(headers) or f"unnamed-{uuid.uuid4()}"
        try:
            accepted = self._agent.history.accept(name, delivery, digest, found.commit)
        except Replay:
            return failure(409, "replay", "this message was delivered before, under another name")
        except NuwaError as error:
            return failure(503, "full", error.message, headers={"Retry-After": "60"})
        if accepted.duplicate:
            return answer({"duplicate": accepted.run})
        self._agent.dispatcher.add(name, accepted.run)
        return answer({"run": accepted.run}, 202)


def _address(request: Request) -> str:
    """Where a request comes from: nginx says so, and nobody else can reach this socket."""
    client = request.client.host if request.client else ""
    return request.headers.get("x-real-ip") or client
