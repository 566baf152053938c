"""The services and what is known of them now: read when somebody asks, and good for who asks soon after."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from nuwa.agent.config.resolved import Loaded
from nuwa.agent.containers import state
from nuwa.agent.containers.state import Container
from nuwa.agent.containers.watch import Containers
from nuwa.agent.host import services
from nuwa.agent.host.log_tail import LogTail
from nuwa.agent.host.metrics import Meter
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties
from nuwa.agent.host.unit_states import Units
from nuwa.agent.paths import Paths
from nuwa.agent.rows import About, Row, Rows
from nuwa.agent.schemas import Check, Line, Usage
from nuwa.errors import NuwaError

FOLDER_CACHE_S = 10.0
"""Seconds for which the folders of deployments are not looked at again."""
READ_WAIT_S = 0.5
"""Seconds that a listing waits for new log lines, a new sample and podman, when what is known is old."""
RECENT_S, ANSWER_FIRST_S = 5.0, 0.03
"""Seconds for which what was read for one listing is good enough for another; and in which that one is out
before it is read again."""
CONTAINERS_WAIT_S = 3.0
"""Seconds that an answer waits for podman, which may be at work on a container for long."""


class Findings(Protocol):
    """What the monitor found out that a row says."""

    def fault_inside(self, service: str) -> str: ...

    def certificate_end(self, service: str) -> float | None: ...


class Inventory:
    """Services, units, samples, last lines and containers.

    Args:
        loaded: gives the applied configuration, whenever it is asked.
        is_watched: whether somebody watches, so that all of this is kept current anyway.
        on_unit: called when a unit is not as it was.
        on_container: called when a container is not as it was.
    """

    def __init__(
        self,
        paths: Paths,
        loaded: Callable[[], Loaded],
        is_watched: Callable[[], bool],
        on_unit: Callable[[], None],
        on_container: Callable[[], None],
    ) -> None:
        self._paths, self._loaded, self._is_watched, self._on_unit = paths, loaded, is_watched, on_unit
        self.meter = Meter()
        self._tail, self._rows = LogTail(), Rows()
        self._units = Units(self.forget)
        self._containers = Containers(paths.podman, self._has_watched_containers, on_container)
        self._services: list[Service] = []
        self._services_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = float("-inf")

    async def listen(self) -> None:
        """Follow systemd's signals, forever."""
        await self._units.listen()

    @property
    def is_told(self) -> bool:
        """Whether systemd says by itself what changes."""
        return self._units.has_bus

    def services(self) -> list[Service]:
        """All services, the host's own last."""
        now = time.monotonic()
        if now - self._services_at > FOLDER_CACHE_S:
            self._services = [*services.every(self._loaded(), self._paths), *services.core()]
            self._units.want(unit for service in self._services for unit in service.possible)
            self._services_at = now
        return self._services

    def find(self, name: str) -> Service:
        """The service of that name.

        Raises:
            UnknownService: there is none.
        """
        known = {service.name: service for service in self.services()}
        if name not in known:
            raise services.unknown(name, list(known))
        return known[name]

    async def units(self) -> dict[str, Properties]:
        """systemd's properties of all units of all services."""
        self.services()
        return await self._units.current()

    def forget(self) -> None:
        """Units are not as they were, and folders may not be either."""
        self._services_at = float("-inf")
        self._on_unit()

    def read_again(self, units: list[str] | None = None) -> None:
        """Say that something was done to units; without `units`, to all."""
        self._units.invalidate(units)

    async def rows(self, hooks: Mapping[str, str], findings: Findings) -> list[Row]:
        """Every service as it is now.

        Args:
            hooks: the state of the webhook that rebuilds a service, by the service's name.
        """
        units = await self.units()

        def about(service: Service) -> About:
            name, container = service.name, self._container(service)
            return About(
                usage=self.meter.usage(name),
                last=self._tail.last(name),
                hook=hooks.get(name),
                fault=findings.fault_inside(name),
                container=container.row() if container else None,
                certificate_end=findings.certificate_end(name),
            )

        return self._rows.of(self.services(), units, about)

    async def sample(self) -> dict[str, Usage]:
        """Measure what every service uses."""
        return await self.meter.sample(self.services(), await self.units())

    async def new_lines(self) -> list[Line]:
        """Read what services have logged since."""
        return await self._tail.refresh(self.services())

    async def refresh(self) -> None:
        """Read what nobody reads while nobody watches; who asks often is not kept waiting by it."""
        is_old = time.monotonic() - self._refreshed_at > RECENT_S
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read_all(0 if is_old else ANSWER_FIRST_S))
        if is_old:
            is_known = self._tail.is_filled
            await asyncio.wait({self._refreshing}, timeout=READ_WAIT_S if is_known else None)

    async def _read_all(self, delay: float) -> None:
        await asyncio.sleep(delay)
        reads = (self.new_lines(), self._sample_again(), self.refresh_containers())
        await asyncio.gather(*reads, return_exceptions=True)
        self._refreshed_at = time.monotonic()

    async def _sample_again(self) -> None:
        if self.meter.is_old:
            await self.sample()

    async def refresh_containers(self) -> None:
        """Look at the containers of deployments, where there are any and nobody follows them anyway.

        What podman does not tell in time is in a later answer.
        """
        if self._has_containers() and not self._is_watched():
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_at_containers())
            await asyncio.wait({self._looking}, timeout=CONTAINERS_WAIT_S)

    async def _look_at_containers(self) -> None:
        with contextlib.suppress(NuwaError):
            await self._containers.refresh()

    async def follow_containers(self) -> None:
        """Follow them until nobody watches any more, or, where there are none, look again later."""
        if self._has_containers():
            await self._containers.follow()
        else:
            await asyncio.sleep(FOLDER_CACHE_S)

    def health_checks(self) -> list[Check]:
        """What podman's health checks say, as checks of the monitor."""
        seen = [(service.name, self._container(service)) for service in self.services()]
        return [check for name, found in seen if found and (check := state.check(name, found))]

    def _container(self, service: Service) -> Container | None:
        """The container of a deployment's serving slot, as it was seen last; of replicas the worst."""
        found = service.deployment
        places = found.places(found.slot) if found and found.app else ()
        seen = (self._containers.find(found.names.container(place)) for place in places if found)
        return state.worst(one for one in seen if one)

    def _has_containers(self) -> bool:
        return any(service.deployment for service in self.services())

    def _has_watched_containers(self) -> bool:
        return self._is_watched() and self._has_containers()
