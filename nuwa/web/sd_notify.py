"""What systemd and its services tell each other: sockets that are handed over, readiness, signs of life."""

from __future__ import annotations

import asyncio
import os
import socket

_FIRST = 3


def sockets() -> dict[str, socket.socket]:
    """The listening sockets that systemd hands over (sd_listen_fds(3)), by their names."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = {}
    for index, name in zip(range(count), names, strict=False):
        os.set_inheritable(_FIRST + index, False)
        found[name] = socket.socket(fileno=_FIRST + index)
    return found


def tell(message: str) -> None:
    """Tell systemd something (sd_notify(3)); without systemd nobody hears it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.send(message.encode())


async def keep_alive() -> None:
    """Say that the event loop turns, as often as systemd wants to hear it."""
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))
    while microseconds:
        tell("WATCHDOG=1")
        await asyncio.sleep(microseconds / 1e6 / 3)
