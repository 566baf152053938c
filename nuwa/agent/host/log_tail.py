"""The last lines of every service, for a listing: read from the journal on request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nuwa.agent.host import journal
from nuwa.agent.host.journal import Query, Sources
from nuwa.agent.host.services import Service
from nuwa.agent.schemas import LAST_LINES, Line

_NO_LINES: list[Line] = []
FIRST_LINES = 3000
"""Lines that are searched for them at first."""
MAX_LINES = 300
"""Lines that are read at once; of more, only the last ones are shown."""
STALE_AFTER_S = 1.5
"""Seconds after which the lines are stale."""


class LogTail:
    """The last lines of services."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Line]] = {}
        self._cursor = ""
        self._read_at = -STALE_AFTER_S
        self._reading = asyncio.Lock()
        self._asked: Sequence[Service] = ()
        self._sources = Sources(())

    @property
    def is_filled(self) -> bool:
        """Whether the journal has been read yet."""
        return self._read_at > 0

    def last(self, name: str) -> list[Line]:
        """The last lines of a service, the oldest first; the same list until there are new ones."""
        return self._lines.get(name, _NO_LINES)

    async def refresh(self, services: Sequence[Service]) -> list[Line]:
        """Read new lines, unless that was done just now.

        Returns:
            the new lines.
        """
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at < STALE_AFTER_S:
                return []
            if services is not self._asked:
                self._asked, self._sources = services, Sources(services)
            sources = self._sources
            query = Query(lines=MAX_LINES if self._cursor else FIRST_LINES, after=self._cursor)
            found = await journal.lines(sources, query)
            if self._cursor and len(found) >= MAX_LINES:
                found = await journal.lines(sources, Query(lines=MAX_LINES))
            self._read_at = asyncio.get_running_loop().time()
            for line in found:
                self._lines[line["service"]] = [*self.last(line["service"]), line][-LAST_LINES:]
                self._cursor = line["cursor"]
            return found
