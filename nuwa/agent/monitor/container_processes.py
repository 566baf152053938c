"""What runs in a deployment's container next to its server, as the container itself tells."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nuwa.agent.host.services import Service
from nuwa.agent.monitor.results import Finding
from nuwa.errors import NuwaError
from nuwa.names import LIB
from nuwa.process import run

TIMEOUT_S = 20
MAX_SERVICES = 200
_FAULTS = ("failing", "down")


def findings(service: Service) -> list[Finding]:
    """One for each process of a deployment, and for each other service of its container that is wrong.

    Empty where the container does not answer, or is of an image that does not tell.
    """
    found = service.deployment
    if found is None or not found.app:
        return []
    container = found.names.container(found.slot)
    argv = ["podman", "exec", container, f"{LIB}/service_states.py", "--json"]
    try:
        result = run(argv, check=False, timeout=TIMEOUT_S)
    except NuwaError:
        return []
    return list(read(service.name, result.stdout)) if result.ok else []


def read(service: str, text: str) -> Iterator[Finding]:
    """What the container said, which is not trusted to be well-formed."""
    try:
        states = json.loads(text)
    except ValueError:
        return
    for state in states[:MAX_SERVICES] if isinstance(states, list) else ():
        if not isinstance(state, dict) or state.get("name") == "server":
            continue
        is_fault = state.get("state") in _FAULTS
        if is_fault or state.get("kind") == "process":
            name, message = str(state.get("name"))[:100], str(state.get("text"))[:300]
            verdict = "failed" if is_fault else "ok"
            yield Finding(f"process {service}/{name}", "process", service, verdict, f"{name}: {message}")
