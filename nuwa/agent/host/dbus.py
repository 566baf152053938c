"""systemd on the system bus: its names there, and the counters that it provides only there."""

from __future__ import annotations

import asyncio
import re
from typing import Any

SYSTEMD = "org.freedesktop.systemd1"
MANAGER = f"{SYSTEMD}.Manager"
UNITS = "/org/freedesktop/systemd1/unit"
CALL_TIMEOUT_S = 5.0
"""Timeout of one call, in seconds."""
UNCOUNTED = 2**64 - 1


def manager() -> Any:
    """systemd itself."""
    from jeepney import DBusAddress

    return DBusAddress("/org/freedesktop/systemd1", SYSTEMD, MANAGER)


def object_path(unit: str) -> str:
    """systemd's object path of a unit: all but letters and digits is escaped as `_` and two hex digits."""
    escaped = "".join(char if char.isascii() and char.isalnum() else f"_{ord(char):02x}" for char in unit)
    return f"{UNITS}/{escaped}"


def unit_name(path: str) -> str:
    """The unit that a path of systemd stands for."""
    last = path.rpartition("/")[2]
    return re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), last)


class Counters:
    """systemd's counters of network traffic, over a connection that is kept while somebody watches."""

    def __init__(self) -> None:
        self._router: Any = None
        self._opened: Any = None

    async def traffic(self, unit: str) -> tuple[int, int] | None:
        """Bytes that a unit's processes received and sent since it started; None if they are not counted."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                if self._router is None:
                    await self._open()
                found = [await self._get(unit, name) for name in ("IPIngressBytes", "IPEgressBytes")]
        except (OSError, EOFError, TimeoutError, ImportError, RuntimeError):
            await self.close()
            return None
        return None if UNCOUNTED in found else (found[0], found[1])

    async def close(self) -> None:
        """Close the connection to the bus."""
        opened, self._router, self._opened = self._opened, None, None
        if opened is not None:
            try:
                await opened.__aexit__(None, None, None)
            except (OSError, EOFError):
                return

    async def _open(self) -> None:
        from jeepney.io.asyncio import open_dbus_router

        opened = open_dbus_router(bus="SYSTEM")
        self._router = await opened.__aenter__()
        self._opened = opened

    async def _get(self, unit: str, name: str) -> int:
        from jeepney import DBusAddress, MessageType
        from jeepney import Properties as PropertiesOf

        address = DBusAddress(object_path(unit), SYSTEMD, f"{SYSTEMD}.Service")
        reply = await self._router.send_and_get_reply(PropertiesOf(address).get(name))
        is_answer = reply.header.message_type is MessageType.method_return
        return int(reply.body[0][1]) if is_answer else UNCOUNTED
