"""Reports a run to the forge: as the commit's status, and a comment on its pull request.

Errors are only logged, and the run neither waits for this nor fails.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nuwa.agent import regular_files
from nuwa.agent.config import processes
from nuwa.agent.config.model import CommitStatus
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.webhooks import forge_requests
from nuwa.agent.webhooks.forge_requests import Call, NoRepository
from nuwa.agent.webhooks.run_states import RunState
from nuwa.process_async import started

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
"""Seconds that a request to a forge may take from its start to the last byte of the answer."""
MAX_LINE_BYTES = 4 * 1024 * 1024
RETRY_DELAYS_S = (2.0, 10.0)
"""Seconds before the second and the third try."""
MAX_QUEUED = 50
"""States that wait for the forge of one hook; the oldest are dropped."""
MAX_TOKEN_BYTES = 4096
_SENTENCES = {
    "running": "is running",
    "ok": "succeeded",
    "cancelled": "was cancelled",
    "timeout": "took too long",
}


class ForgeFailed(Exception):
    """The forge rejected a request.

    Args:
        again: whether another try may succeed.
    """

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class ForgeStatuses:
    """Sends states of runs to their forges, those of one hook in order.

    Args:
        loaded: gives the applied configuration.
    """

    def __init__(self, loaded: Callable[[], Loaded]) -> None:
        self._loaded = loaded
        self._queues: dict[str, deque[RunState]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    def tell(self, state: RunState) -> None:
        """Queue a state for sending."""
        hook = self._loaded().config.webhooks.get(state.hook)
        if hook is None or hook.status is None or not state.commit:
            return
        self._queues.setdefault(state.hook, deque(maxlen=MAX_QUEUED)).append(state)
        if state.hook not in self._workers:
            self._workers[state.hook] = asyncio.create_task(self._work(state.hook))

    async def _work(self, name: str) -> None:
        try:
            while self._queues[name]:
                state = self._queues[name].popleft()
                try:
                    await self._send(state)
                except (ForgeFailed, NoRepository) as error:
                    log.warning("run %d of hook %s: the forge was not notified: %s", state.run, name, error)
                except Exception:
                    log.exception("run %d of hook %s: the forge was not notified", state.run, name)
        finally:
            del self._workers[name]

    async def _send(self, state: RunState) -> None:
        loaded = self._loaded()
        hook = loaded.config.webhooks.get(state.hook)
        settings = hook.status if hook else None
        if settings is None:
            return
        at = forge_requests.repository(settings, state.remote)
        token = await asyncio.to_thread(token_of, settings, loaded.base)
        where = link(loaded, settings, state.run)
        context = settings.context or f"nuwa/{socket.gethostname()}"
        said = sentence(state)
        await _with_retry(forge_requests.status(at, token, state.commit, state.state, said, context, where))
        if settings.comment and state.state != "running":
            found = await _with_retry(forge_requests.pull_requests(at, token, state.commit))
            text = f"**{context}**: {said}" + (f" ([run {state.run}]({where}))" if where else "")
            for number in forge_requests.numbers(at, found):
                await _with_retry(forge_requests.comment(at, token, number, text))


def sentence(state: RunState) -> str:
    """A run in one sentence."""
    said = f"run {state.run} of {state.hook} {_SENTENCES.get(state.state, 'failed')}"
    if state.state == "ok" and state.services:
        said += f" and updated {', '.join(state.services)}"
    # The failed command's output may be confidential: it is only on the run's page.
    return f"{said} in {state.duration:.0f} s" if state.state != "running" else said


def link(loaded: Loaded, settings: CommitStatus, run: int) -> str:
    """The page of a run in the dashboard; empty if the dashboard's address is unknown."""
    base = settings.dashboard.rstrip("/")
    if not base:
        routes = loaded.config.routes.items()
        routed = [route for route, target in routes if target == "dashboard" and not route.startswith("*")]
        base = f"https://{routed[0].rstrip('/')}" if routed else ""
    return f"{base}/runs/{run}" if base else ""


def token_of(settings: CommitStatus, base: str) -> str:
    """The token for a forge.

    Args:
        base: the folder that relative paths of the configuration begin at.

    Raises:
        ForgeFailed: its file cannot be read.
    """
    if not settings.token_file:
        return settings.token
    path = Path(processes.absolute(settings.token_file, base))
    try:
        return regular_files.read(path, MAX_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ForgeFailed(f"{path} cannot be read: {error}", again=False) from None


async def _with_retry(call: Call) -> Any:
    for delay in (*RETRY_DELAYS_S, None):
        try:
            return await _request(call)
        except ForgeFailed as error:
            if delay is None or not error.again:
                raise
            await asyncio.sleep(delay)
    raise AssertionError("the last try returns or raises")


async def _request(call: Call) -> Any:
    """The answer's value.

    Raises:
        ForgeFailed: there is none.
    """
    given = {"method": call.method, "url": call.url, "headers": dict(call.headers), "body": call.body}
    argv = [sys.executable, "-OO", "-m", "nuwa.agent.webhooks"]
    environment = {forge_requests.VARIABLE: json.dumps(given)}
    said = f"{call.method} {call.url}"
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            started(argv, env=environment, errors=False, longest_line=MAX_LINE_BYTES) as running,
        ):
            output = b"".join([line async for line in running.lines()])
    except TimeoutError:
        raise ForgeFailed(f"{said} took longer than {TIMEOUT_S:g} s", again=True) from None
    try:
        answer = json.loads(output)
    except ValueError:
        raise ForgeFailed(f"{said}: its process failed", again=True) from None
    if "error" in answer:
        raise ForgeFailed(f"{said} {answer['error']}", again=answer["again"])
    return answer["value"]
