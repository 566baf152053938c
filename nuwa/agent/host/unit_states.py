"""Properties of the services' units, kept current by systemd's signals and read only on request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nuwa.agent.host import dbus, systemctl
from nuwa.agent.host.systemctl import Properties

log = logging.getLogger(__name__)

COMPARE_EVERY_S = 60.0
"""Seconds after which every unit's state is compared again, in case a signal was missed."""
COMPARE_WITHOUT_BUS_EVERY_S = 3.0
"""The same while there is no bus."""
NOT_LOADED = ("inactive", "dead")
"""The state of a unit that is not loaded."""
RETRY_S = 10.0
"""Seconds between two tries to reach the bus."""


class Units:
    """The properties of all units of the services.

    Args:
        on_change: called whenever systemd signals a change of a unit; often, and from the event loop.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._wanted: set[str] = set()
        self._dirty: set[str] = set()
        self._known: dict[str, Properties] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self.has_bus = False

    def want(self, units: Iterable[str]) -> None:
        """Set the units to watch."""
        self._wanted = set(units)
        self._dirty |= self._wanted - set(self._known)

    def invalidate(self, units: Iterable[str] | None = None) -> None:
        """Reread units that were acted on, before systemd signals it; without `units`, all."""
        self._dirty |= self._wanted if units is None else set(units) & self._wanted

    async def current(self) -> dict[str, Properties]:
        """The properties of the watched units, as of systemd's last signal."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at > (COMPARE_EVERY_S if self.has_bus else COMPARE_WITHOUT_BUS_EVERY_S):
                self._read_at = now
                await self._compare()
            asked, self._dirty = sorted(self._dirty & self._wanted), set()
            if asked:
                found = await asyncio.to_thread(systemctl.show, asked)
                self._known.update(found)
            return {unit: self._known[unit] for unit in self._wanted if unit in self._known}

    async def _compare(self) -> None:
        """Find the units that have changed; without a bus, any of them may have been restarted."""
        if not self.has_bus:
            self._dirty = set(self._wanted)
            return
        known = {unit: _state(self._known.get(unit, {})) for unit in self._wanted - self._dirty}
        found = await asyncio.to_thread(systemctl.states, sorted(known))
        self._dirty |= {unit for unit, state in known.items() if found.get(unit, NOT_LOADED) != state}

    async def listen(self) -> None:
        """Follow systemd's signals forever, also across losses of the bus."""
        while True:
            try:
                await self._listen()
            except (OSError, EOFError, TimeoutError, ImportError) as error:
                log.debug("no bus: %s", error)
            finally:
                self.has_bus = False
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        from jeepney import new_method_call
        from jeepney.io.asyncio import open_dbus_connection

        async with await open_dbus_connection("SYSTEM") as connection:
            for request in (*_matches(), new_method_call(dbus.manager(), "Subscribe")):
                await connection.send(request)
            self.has_bus, self._dirty = True, set(self._wanted)
            while True:
                self._take(await connection.receive())

    def _take(self, message: Any) -> None:
        from jeepney import HeaderFields, MessageType

        fields = message.header.fields
        if message.header.message_type is not MessageType.signal:
            return
        unit = dbus.unit_name(fields.get(HeaderFields.path, ""))
        if fields.get(HeaderFields.member) == "Reloading":
            self._read_at = float("-inf")
        elif unit in self._wanted:
            self._dirty.add(unit)
        else:
            return
        self._on_change()


def _state(properties: Properties) -> tuple[str, str]:
    return properties.get("ActiveState", ""), properties.get("SubState", "")


def _matches() -> Iterator[Any]:
    """The requests that make the bus send systemd's signals about units."""
    from jeepney import MatchRule, message_bus

    sender = {"type": "signal", "sender": dbus.SYSTEMD}
    properties = "org.freedesktop.DBus.Properties"
    yield message_bus.AddMatch(MatchRule(**sender, interface=properties, path_namespace=dbus.UNITS))
    yield message_bus.AddMatch(MatchRule(**sender, interface=dbus.MANAGER, member="Reloading"))
