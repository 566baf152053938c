"""The rows of a listing: a row and its JSON are made again only where something that it says has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from nuwa.agent.host import services
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.schemas import ContainerRow, Line, ServiceRow, Usage
from nuwa.web.json_text import to_json

CLOCK_JUMP_S = 0.5
"""Seconds by which the clock was set, from which on times that were computed with it are wrong."""


class About(NamedTuple):
    """What a row says besides systemd's properties. None of it may be changed in place.

    Args:
        fault: what fails inside of the container, in words.
    """

    usage: Usage
    last: list[Line]
    hook: str | None
    fault: str
    container: ContainerRow | None
    certificate_end: float | None


class Row:
    """A row.

    Args:
        made_of: all that it depends on; None for what is read from files and has to be made each time.
    """

    def __init__(self, made_of: tuple[Any, ...] | None, content: ServiceRow) -> None:
        self.made_of = made_of
        self.content = content

    @cached_property
    def json(self) -> bytes:
        return to_json(self.content)

    @cached_property
    def _news(self) -> dict[str, Any]:
        return services.news(self.content)

    def differs(self, other: Row) -> bool:
        """Whether it has news, compared with an earlier row of the service."""
        return self is not other and self._news != other._news


class Rows:
    """The rows that were made last."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._clock_offset = 0.0

    def of(
        self,
        chosen: Iterable[Service],
        units: Mapping[str, Properties],
        about: Callable[[Service], About],
    ) -> list[Row]:
        """The rows of services, in their order; of others nothing is kept.

        Args:
            units: systemd's properties, by unit. Those of a unit are replaced, never changed.
        """
        before = self._before()
        self._rows = {
            service.name: _row(before.get(service.name), service, units, about(service)) for service in chosen
        }
        return list(self._rows.values())

    def _before(self) -> dict[str, Row]:
        """The rows made so far, unless the clock was set: a row says since when a service runs."""
        offset = time.time() - time.monotonic()
        if abs(offset - self._clock_offset) < CLOCK_JUMP_S:
            return self._rows
        self._clock_offset = offset
        return {}


def _row(before: Row | None, service: Service, units: Mapping[str, Properties], about: About) -> Row:
    if service.deployment:
        return Row(None, _made(service, units, about))
    made_of = (service, units.get(service.unit), about)
    if before is None or before.made_of != made_of:
        return Row(made_of, _made(service, units, about))
    before.made_of = made_of  # the same values: as the same objects they are compared sooner
    return before


def _made(service: Service, units: Mapping[str, Properties], about: About) -> ServiceRow:
    row = services.row(service, units)
    row["usage"], row["last"], row["hook"] = about.usage, about.last, about.hook
    row["result"] = row["result"] or about.fault
    row["container"], row["certificate_end"] = about.container, about.certificate_end
    return row
