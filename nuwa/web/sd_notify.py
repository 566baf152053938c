"""What systemd and its services exchange: activated sockets, readiness, and watchdog messages."""

from __future__ import annotations

import asyncio
import os
import socket

_FIRST = 3


def sockets() -> dict[str, socket.socket]:
    """The listening sockets that systemd passes (sd_listen_fds(3)), by name."""
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
    """Send systemd a message (sd_notify(3)); without NOTIFY_SOCKET, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.send(message.encode())


async def keep_alive() -> None:
    """Report to systemd's watchdog that the event loop runs, three times per watchdog interval."""
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))
    while microseconds:
        tell("WATCHDOG=1")
        await asyncio.sleep(microseconds / 1e6 / 3)
