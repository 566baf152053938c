"""Starts the process that sends one message, and stops it when it takes too long.

A receiver may answer with a byte now and then, which no timeout of a socket stops. The imports of the
process would also stay in the agent's memory permanently.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nuwa.agent.config.model import Monitor as Settings
from nuwa.agent.monitor import send
from nuwa.agent.schemas import Alert
from nuwa.process_async import started

MAX_BYTES = 100 * 1024
"""Of a message: the kernel takes 128 KiB in one variable."""


async def run(message: dict[str, Any], seconds: float) -> tuple[int, str]:
    """The exit code of the process, and its errors.

    Args:
        message: as `__main__` takes it.

    Raises:
        TimeoutError: it took longer, and was stopped.
    """
    argv = [sys.executable, "-m", "nuwa.agent.monitor"]
    environment = {send.VARIABLE: json.dumps(message)}
    async with asyncio.timeout(seconds), started(argv, env=environment, errors=False) as running:
        said = b"".join([line async for line in running.lines()])
        return await running.wait(), said.decode("utf-8", "replace").strip()


def message(settings: Settings, alerts: Sequence[Alert], base: str) -> dict[str, Any]:
    """A message with as many of the first alerts as fit; empty if no recipient is configured.

    Args:
        base: the folder that relative paths of the configuration begin at.
    """
    ways: dict[str, Any] = {}
    if settings.mail:
        ways["mail"] = asdict(settings.mail)
    if settings.webhook:
        ways["webhook"] = settings.webhook
    chosen: list[Alert] = []
    room = MAX_BYTES
    for alert in alerts:
        room -= len(json.dumps(alert))
        if room > 0 or not chosen:
            chosen.append(alert)
    return {**ways, "alerts": chosen, "base": base} if ways else {}
