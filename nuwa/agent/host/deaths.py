"""Why a service ended, out of what systemd, podman and the kernel wrote into the journal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nuwa.agent.host.services import Service
from nuwa.errors import NuwaError
from nuwa.process import run

FIELDS = "MESSAGE,UNIT,PODMAN_EVENT,PODMAN_ID,PODMAN_EXIT_CODE,PODMAN_HEALTH_STATUS,_TRANSPORT"
MAX_ENTRIES = 5000
TIMEOUT_S = 20
_EXIT = re.compile(r"Main process exited, code=(\w+), status=(\d+)")
_RESULT = re.compile(r"Failed with result '([a-z-]+)'")
_KILLED = 137
"""The exit code of what was killed by SIGKILL."""


async def reason(service: Service, seconds: float) -> str:
    """Why it ended within the last seconds, in words; empty where the journal does not tell."""
    argv = ["journalctl", "--quiet", "--no-pager", "--output=json", f"--output-fields={FIELDS}",
            f"--since=-{seconds:.0f}s", f"--lines={MAX_ENTRIES}", *_matches(service)]  # fmt: skip
    try:
        result = await asyncio.to_thread(run, argv, check=False, timeout=TIMEOUT_S)
    except NuwaError:
        return ""
    return explain(_entries(result.stdout))


def _matches(service: Service) -> list[str]:
    """journalctl's terms. Only root can have written what carries its user id and podman's fields."""
    terms = [["_PID=1", *(f"UNIT={unit}" for unit in service.units)]]
    if service.deployment:
        names = [service.deployment.names.container(slot) for slot in ("blue", "green")]
        terms += [["_UID=0", "PODMAN_TYPE=container", *(f"PODMAN_NAME={name}" for name in names)]]
        terms += [["_TRANSPORT=kernel"]]
    return [term for group in terms for term in ("+", *group)][1:]


def _entries(text: str) -> Iterable[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def explain(entries: Iterable[Mapping[str, Any]]) -> str:
    """What entries of the journal say about the last end. podman's word counts before systemd's."""
    of_systemd = of_podman = health = ""
    killed_for_memory: set[str] = set()
    for entry in entries:
        message = str(entry.get("MESSAGE", ""))
        if entry.get("_TRANSPORT") == "kernel":
            killed_for_memory.update(
                re.findall(r"libpod-([0-9a-f]{64})", message) if "oom" in message else ()
            )
        elif entry.get("PODMAN_EVENT") == "health_status":
            health = str(entry.get("PODMAN_HEALTH_STATUS", ""))
        elif entry.get("PODMAN_EVENT") == "died":
            is_oom = str(entry.get("PODMAN_ID")) in killed_for_memory
            of_podman = _end(str(entry.get("PODMAN_EXIT_CODE", "")), is_oom, health)
        elif found := _RESULT.search(message):
            of_systemd = "killed for memory" if found[1] == "oom-kill" else of_systemd or found[1]
        elif found := _EXIT.search(message):
            of_systemd = f"exit code {found[2]}" if found[1] == "exited" else f"killed by signal {found[2]}"
    return of_podman or of_systemd


def _end(code: str, is_oom: bool, health: str) -> str:
    if is_oom:
        return "killed for memory"
    if health == "unhealthy":
        return f"its health check failed, exit code {code}"
    return f"exit code {code}" + (" (killed)" if code == str(_KILLED) else "")
