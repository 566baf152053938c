"""Whether a process answers: its ports are open, or its health path says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from nuwa.agent.config.model import Health, Process
from nuwa.agent.host import http_fetch
from nuwa.agent.host.http_fetch import NoAnswer, Target

PAUSE_S = 0.1
"""Seconds between two tries while a process starts."""
SHORTEST_TRY_S = 0.2
EXCERPT_BYTES = 200


async def fault(process: Process, ports: Sequence[int], seconds: float = 0) -> str:
    """The fault of a process that should answer; empty if it answers, or has no port.

    Args:
        seconds: for the whole check; 0: as in its health settings.
    """
    seconds = seconds or process.health.timeout
    end = time.monotonic() + seconds
    for port in ports:
        try:
            async with asyncio.timeout(end - time.monotonic()):
                _, writer = await asyncio.open_connection(process.address, port)
            writer.transport.abort()
        except TimeoutError:
            return f"nothing answers at {process.address} port {port} within {seconds:g} s"
        except OSError as error:
            return f"nothing answers at {process.address} port {port}: {error.strerror or error}"
    if process.health.path and ports:
        return await _http_fault(process.health, process.address, ports[0], end - time.monotonic())
    return ""


def wait(process: Process, ports: Sequence[int], alive: Callable[[], bool]) -> str:
    """Wait until a process answers, at most for its start period.

    Args:
        alive: whether it is still running; called about once a second.

    Returns:
        an empty string, or the last fault.
    """
    health = process.health
    end = time.monotonic() + health.start_period
    tries = 0
    while True:
        left = end - time.monotonic()
        found = asyncio.run(fault(process, ports, max(SHORTEST_TRY_S, min(health.timeout, left))))
        if not found:
            return ""
        tries += 1
        if tries % 10 == 0 and not alive():
            return f"it exited; before that {found}"
        if time.monotonic() > end:
            return f"it did not become healthy within {health.start_period} s: {found}"
        time.sleep(PAUSE_S)


async def _http_fault(health: Health, address: str, port: int, seconds: float) -> str:
    host = f"[{address}]" if ":" in address else address
    target = Target(address, port, health.path, {"Host": health.host or f"{host}:{port}"})
    try:
        status, body = await http_fetch.get(target, seconds=seconds, most=EXCERPT_BYTES)
    except NoAnswer as error:
        return f"{health.path} gave no answer: {error}"
    if 200 <= status < 400:
        return ""
    return f"{health.path} answered {status}: {body.decode('utf-8', 'replace').strip()}"
