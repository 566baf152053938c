"""The processes next to the server in a deployment's container, as the container reports them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence

from nuwa.agent.host.services import Service
from nuwa.agent.monitor.results import Finding
from nuwa.errors import NuwaError
from nuwa.names import LIB
from nuwa.process_async import started

TIMEOUT_S = 20
MAX_SERVICES = 200
MAX_BYTES = 1024 * 1024
"""Maximum output of a container that is read, to limit the agent's memory."""
_FAULTS = ("failing", "down")


async def findings(service: Service) -> list[Finding]:
    """One for each process of a deployment, and for each other service of its container that is faulty.

    Empty if the container does not answer, or its image does not support this.
    """
    found = service.deployment
    if found is None or not found.app:
        return []
    container = found.names.container(found.slot)
    text = await _said(["podman", "exec", container, f"{LIB}/service_states.py", "--json"])
    return list(read(service.name, text))


async def _said(argv: Sequence[str]) -> str:
    """The output of a program; empty if it is too long, takes too long, or the program fails."""
    said = b""
    try:
        async with asyncio.timeout(TIMEOUT_S), started(argv, errors=False) as running:
            async for line in running.lines():
                said += line
                if len(said) > MAX_BYTES:
                    return ""
            code = await running.wait()
    except (NuwaError, TimeoutError):
        return ""
    return said.decode("utf-8", "replace") if code == 0 else ""


def read(service: str, text: str) -> Iterator[Finding]:
    """The findings in the container's output, which may be malformed."""
    try:
        states = json.loads(text)
    except (ValueError, RecursionError):
        return
    for state in states[:MAX_SERVICES] if isinstance(states, list) else ():
        if not isinstance(state, dict) or state.get("name") == "server":
            continue
        is_fault = state.get("state") in _FAULTS
        if is_fault or state.get("kind") == "process":
            name, message = str(state.get("name"))[:100], str(state.get("text"))[:300]
            verdict = "failed" if is_fault else "ok"
            yield Finding(f"process {service}/{name}", "process", service, verdict, f"{name}: {message}")
