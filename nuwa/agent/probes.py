"""Whether a process answers: its ports are open, or its health path says so."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Sequence

from nuwa.agent.model import Health, Process

PAUSE = 0.1
"""Seconds between two tries while a process starts."""
EXCERPT = 200


def fault(process: Process, ports: Sequence[int]) -> str:
    """What is wrong with a process that should answer; empty when it does, or when it has no port."""
    for port in ports:
        try:
            with socket.create_connection((process.address, port), timeout=process.health.timeout):
                pass
        except OSError as error:
            return f"nothing answers at {process.address} port {port}: {error.strerror or error}"
    if process.health.path and ports:
        return _http_fault(process.health, process.address, ports[0])
    return ""


def wait(process: Process, ports: Sequence[int], alive: Callable[[], bool]) -> str:
    """Wait until a process answers, at most its start period.

    Args:
        alive: whether it still runs; asked about once a second.

    Returns:
        an empty text, or the last fault.
    """
    end = time.monotonic() + process.health.start_period
    tries = 0
    while found := fault(process, ports):
        tries += 1
        if tries % 10 == 0 and not alive():
            return f"it ended; before that {found}"
        if time.monotonic() > end:
            return f"it did not become healthy within {process.health.start_period} s: {found}"
        time.sleep(PAUSE)
    return ""


def _http_fault(health: Health, address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=health.timeout)
    try:
        connection.request("GET", health.path, headers={"Host": health.host or f"{address}:{port}"})
        answer = connection.getresponse()
        body = answer.read(EXCERPT).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{health.path} gave no answer: {error}"
    finally:
        connection.close()
    if 200 <= answer.status < 400:
        return ""
    return f"{health.path} answered {answer.status}: {body.strip()}"
