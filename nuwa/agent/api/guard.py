"""Who calls the control API, whether they may, and what the audit trail records of it.

Root calls it for itself. The dashboard calls it for its users: it names the token that they logged in with,
and the agent looks up what that token may do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nuwa.access import rights
from nuwa.access.rights import Grant
from nuwa.access.token_file import Tokens
from nuwa.agent.agent import Agent
from nuwa.agent.api.endpoints import Endpoint
from nuwa.agent.api.responses import failure
from nuwa.agent.audit import Actor
from nuwa.errors import NuwaError
from nuwa.web import limits, request_body

Handler = Callable[[Request], Awaitable[Response]]
_WORDS = {"see": "see", "operate": "operate services", "configure": "configure this host"}


class Guard:
    """Passes requests on to the handlers of the control API, or rejects them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._tokens = Tokens(agent.paths.tokens)

    def protect(self, endpoint: Endpoint, handler: Handler) -> Handler:
        """A handler that checks the caller's right, and records what was changed."""

        async def guarded(request: Request) -> Response:
            is_dry = endpoint.has_dry_run and request.query_params.get("dry_run") not in (None, "", "0")
            is_change = bool(endpoint.action) and not is_dry
            if (refusal := self._refusal(request, endpoint)) is not None:
                code, message, hint = refusal
                if is_change:
                    trail = self._agent.trail
                    trail.refuse(actor_of(request), endpoint.action, _target(request), message)
                # If the connection is closed before all was read, the answer is lost.
                await request_body.read(request, limits.CONFIG_BYTES)
                return failure(403, code, message, hint=hint)
            if not is_change:
                return await handler(request)
            return await self._recorded(request, endpoint, handler)

        return guarded

    def _refusal(self, request: Request, endpoint: Endpoint) -> tuple[str, str, str] | None:
        """Code, message and hint if the caller may not do this; None if the caller may."""
        name = request.headers.get("x-nuwa-as")
        if name is None:
            return None
        grant = self._grant(name)
        if grant is None:
            hint = "Log in with another token; on the host, nuwa token list shows them."
            return "revoked", f"the token {name[:40]!r} was revoked", hint
        if not grant.may(endpoint.right):
            hint = (
                f"Log in with a token that has the right {endpoint.right}, or create one: "
                f"nuwa token add NAME --right {endpoint.right}"
            )
            message = f"the token {grant.name} has no right to {_WORDS[endpoint.right]}"
            return "forbidden", message, hint
        concerned = self._concerned(request, endpoint)
        if endpoint.target and not grant.operates(concerned):
            of = request.path_params["name"]
            message = f"the token {grant.name} may operate only {', '.join(grant.apps)}, not {of}"
            return "forbidden", message, ""
        return None

    def _grant(self, name: str) -> Grant | None:
        if name == rights.HOST:
            return rights.grant_of_host()
        if name == rights.DASHBOARD:
            return rights.grant_of_dashboard()
        token = self._tokens.find(name)
        return token.grant if token else None

    def _concerned(self, request: Request, endpoint: Endpoint) -> list[str]:
        """The services that a request is about."""
        name = str(request.path_params.get("name", ""))
        return self._agent.dispatcher.covers(name) if endpoint.target == "hook" else [name]

    async def _recorded(self, request: Request, endpoint: Endpoint, handler: Handler) -> Response:
        outcome = "interrupted"
        try:
            response = await handler(request)
            outcome = "ok" if response.status_code < 400 else f"refused ({response.status_code})"
            return response
        except NuwaError as error:
            outcome = f"failed: {error.message}"
            raise
        except HTTPException as error:
            outcome = f"refused: {error.detail}"
            raise
        finally:
            self._agent.trail.record(actor_of(request), endpoint.action, _target(request), outcome)


def _target(request: Request) -> str:
    """The target of a request, for the audit trail."""
    named = (request.path_params.get(key, "") for key in ("name", "command"))
    return " ".join(str(part) for part in named if part)


def actor_of(request: Request) -> Actor:
    """Who calls: the dashboard names a token, the command line a user of the host."""
    headers = request.headers
    who = headers.get("x-nuwa-as") or headers.get("x-nuwa-who", "") or "root"
    return Actor(who, headers.get("x-nuwa-way", "") or "control socket", headers.get("x-nuwa-from", ""))
