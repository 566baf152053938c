"""The monitor: runs the checks that are due, sends new alerts, and restarts unresponsive services."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from nuwa.agent.audit import MONITOR, Trail
from nuwa.agent.config.model import SiteCheck
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.database import Database
from nuwa.agent.host import probes, services, systemctl
from nuwa.agent.host.services import Service
from nuwa.agent.monitor import allowance, checks, child, container_processes, results
from nuwa.agent.monitor.channels import Channels
from nuwa.agent.monitor.deployment_results import DeploymentResults
from nuwa.agent.monitor.results import Finding
from nuwa.agent.monitor.state_store import States
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Alert, Check
from nuwa.errors import NuwaError
from nuwa.web.sse import Watchers

log = logging.getLogger(__name__)

INSIDE_INTERVAL_S = 60.0
"""Seconds between two looks into the containers of deployments."""
SLOW_INTERVAL_S = 600.0
"""Seconds between two looks at certificates and backups."""
MAX_PARALLEL = 4
"""Services that are asked at the same time."""
MAX_SITES = 16
"""Pages that are fetched in parallel: each may be slow, and up to a megabyte."""
SENDING_WAIT_S = 30.0
"""Seconds for which a round waits until alerts are sent."""
LONGEST_SEND_S = 120.0
"""Seconds that sending may take; a mail server may be slow with each line."""
MAX_RESTARTS_PER_HOUR = 3
"""Restarts of one service within an hour; beyond that a person has to look."""


class Host(Protocol):
    """What the monitor needs of the agent."""

    paths: Paths
    database: Database
    loaded: Loaded
    watchers: Watchers
    trail: Trail
    reconfigured: asyncio.Event

    def services(self) -> list[Service]: ...

    async def units(self) -> dict[str, dict[str, str]]: ...

    def read_again(self, units: list[str]) -> None: ...

    async def act(self, verb: str, name: str, who: str) -> Any: ...


@dataclass
class _Watch:
    """What is remembered of a service between two rounds."""

    restarts: int | None = None
    failures: int = 0
    asked_at: float = float("-inf")
    finding: Finding | None = None
    restarted_at: deque[float] = field(default_factory=deque)


class Monitor:
    """Monitors the host while the agent runs."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._states = States(host.database)
        self.channels = Channels(host)
        self.deployments = DeploymentResults(host, self.report)
        self._allowance = allowance.Allowance()
        self._watches: dict[str, _Watch] = {}
        self._inside: list[Finding] = []
        self._inside_at = float("-inf")
        self._slow: list[Finding] = []
        self._slow_at = float("-inf")
        self._slow_of: Loaded | None = None
        self._ends: dict[str, float] = {}
        self._sending: asyncio.Task[None] | None = None

    def report(self, finding: Finding, advice: str = "") -> None:
        """Report an event, such as a deploy; errors in this are only logged."""
        try:
            self._states.report(finding, advice)
            self._host.watchers.publish("alert", self._states.alerts(1)[0])
        except NuwaError as error:
            log.warning("%s: %s", finding.name, error)

    def checks(self) -> list[Check]:
        return self._states.checks()

    def alerts(self, count: int = 100) -> list[Alert]:
        """The last alerts, the newest first."""
        return self._states.alerts(count)

    def certificate_end(self, service: str) -> float | None:
        """When the first of a service's certificates expires."""
        return self._ends.get(service)

    def fault_inside(self, service: str) -> str:
        """The faults of processes next to a deployment's server; empty if there are none."""
        faults = [found.message for found in self._inside if found.service == service and found.state != "ok"]
        return "; ".join(faults)

    async def run(self) -> None:
        """Check forever."""
        while True:
            try:
                await self._round()
            except NuwaError as error:
                log.warning("a round of checks failed: %s", error)
            except Exception:
                log.exception("a round of checks failed")
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next round; a shorter interval takes effect as soon as it is applied."""
        begun = time.monotonic()
        while (left := begun + self._host.loaded.config.monitor.interval - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._host.reconfigured.wait(), left)

    async def _round(self) -> None:
        settings = self._host.loaded.config.monitor
        everything = self._host.services()
        units = await self._host.units()
        self._watches = {service.name: self._watches.get(service.name, _Watch()) for service in everything}
        found: list[Finding] = []
        for service in everything:
            found.append(self._process(service, services.worst(service, units)))
        await self._forget_deaths(everything, units)
        found += await self._answers(everything, units)
        found += await self._inside_ones(everything, units)
        found += await asyncio.to_thread(
            lambda: list(checks.disks(everything, self._host.paths, settings.disk_percent))
        )
        found += await _sites(settings.sites)
        found += await self._slow_ones(everything)
        found += self.channels.findings()
        before = self._states.alerts(1)
        self._states.take(found, settings.repeat_hours * 3600)
        await self._tell()
        if self._states.alerts(1) != before:
            self._host.watchers.publish("alert", self._states.alerts(1)[0])

    def _process(self, service: Service, properties: dict[str, str]) -> Finding:
        watch = self._watches[service.name]
        finding = results.process(service, properties, watch.restarts, time.monotonic())
        watch.restarts = int(properties.get("NRestarts") or 0)
        return finding

    async def _forget_deaths(self, everything: list[Service], units: dict[str, dict[str, str]]) -> None:
        """Reset systemd's restart counters of services that are stable now: RestartSteps= never does."""
        now = time.monotonic()
        settled = [
            service
            for service in everything
            if service.kind == "process" and results.has_settled(units.get(service.unit, {}), now)
        ]
        if settled:
            names = [service.unit for service in settled]
            await asyncio.to_thread(systemctl.forget_failure, names)
            self._host.read_again(names)
            for service in settled:
                self._watches[service.name].restarts = 0

    async def _answers(self, everything: list[Service], units: dict[str, dict[str, str]]) -> list[Finding]:
        """Probe every running service that has a port, as often as its health settings say."""
        places = asyncio.Semaphore(MAX_PARALLEL)

        async def ask(service: Service) -> Finding | None:
            async with places:
                return await self._answer(service)

        asked = [
            service
            for service in everything
            if service.process and service.ports and services.status(units.get(service.unit, {})) == "running"
        ]
        found = await asyncio.gather(*(ask(service) for service in asked))
        return [finding for finding in found if finding]

    async def _answer(self, service: Service) -> Finding | None:
        watch, process = self._watches[service.name], service.process
        assert process
        if time.monotonic() - watch.asked_at < process.health.interval - 1:
            return watch.finding
        fault = await probes.fault(process, service.ports)
        watch.asked_at = time.monotonic()
        watch.failures = watch.failures + 1 if fault else 0
        watch.finding = results.answer(service, fault, watch.failures, process.health.retries)
        if watch.finding.state == "failed" and self._host.loaded.config.monitor.restart_unresponsive:
            await self._restart_unresponsive(service, watch)
        return watch.finding

    async def _restart_unresponsive(self, service: Service, watch: _Watch) -> None:
        """Restart an unresponsive service, and record why."""
        finding = watch.finding
        assert finding
        now = time.monotonic()
        while watch.restarted_at and now - watch.restarted_at[0] > allowance.HOUR_S:
            watch.restarted_at.popleft()
        if len(watch.restarted_at) >= MAX_RESTARTS_PER_HOUR:
            return
        watch.restarted_at.append(now)
        watch.failures = 0
        try:
            outcome = await self._host.act("restart", service.name, "the monitor")
            action = f"restarted: {outcome['message']}"
        except NuwaError as error:
            action = f"the restart failed: {error.message}"
        self._host.trail.record(MONITOR, "restart", service.name, action)
        if len(watch.restarted_at) == MAX_RESTARTS_PER_HOUR:
            action += f"; this was the {MAX_RESTARTS_PER_HOUR}rd within an hour, so no other will follow"
        self._states.act(finding, action)

    async def _inside_ones(
        self, everything: list[Service], units: dict[str, dict[str, str]]
    ) -> list[Finding]:
        """The processes next to the servers in the containers of deployments."""
        if time.monotonic() - self._inside_at < INSIDE_INTERVAL_S:
            return self._inside
        self._inside_at = time.monotonic()
        running = [
            service
            for service in everything
            if service.deployment and services.status(units.get(service.unit, {})) == "running"
        ]
        places = asyncio.Semaphore(MAX_PARALLEL)

        async def look(service: Service) -> list[Finding]:
            async with places:
                return await container_processes.findings(service)

        found = await asyncio.gather(*(look(service) for service in running))
        self._inside = [finding for several in found for finding in several]
        return self._inside

    async def _slow_ones(self, everything: list[Service]) -> list[Finding]:
        """Certificates and backups; those of a new configuration at once."""
        loaded, paths = self._host.loaded, self._host.paths
        if loaded is self._slow_of and time.monotonic() - self._slow_at < SLOW_INTERVAL_S:
            return self._slow
        self._slow_at, self._slow_of, settings = time.monotonic(), loaded, loaded.config.monitor
        found = [
            results.backup(service.name, service.deployment, time.time(), settings.backup_hours)
            for service in everything
            if service.deployment and service.deployment.has_backup
        ]
        found += [
            results.rehearsal(service.name, service.deployment)
            for service in everything
            if service.deployment and service.deployment.last_rehearsal
        ]
        hosts = checks.hosts(everything, loaded)
        places, ends = asyncio.Semaphore(MAX_PARALLEL), dict[str, float]()

        async def look(host: str, name: str) -> Finding:
            async with places:
                finding, end = await checks.certificate(host, name, paths, settings.certificate_days)
            if name and end is not None:
                ends[name] = min(end, ends.get(name, end))
            return finding

        found += await asyncio.gather(*(look(host, name) for host, name in hosts.items()))
        self._slow, self._ends = found, ends
        return found

    async def _tell(self) -> None:
        """Send new alerts; those that cannot be sent wait for the next round.

        A round waits only for a limited time, since a mail server may be slow. Nothing else is sent until
        this has finished.
        """
        loaded = self._host.loaded
        if self._sending is None or self._sending.done():
            untold = self._states.untold()
            if not untold or not self._allowance.take(loaded.config.monitor.burst):
                return
            self._sending = asyncio.create_task(self._send(untold))
        await asyncio.wait([self._sending], timeout=SENDING_WAIT_S)

    async def _send(self, untold: list[tuple[int, Alert]]) -> None:
        loaded = self._host.loaded
        message = child.message(loaded.config.monitor, [alert for _, alert in untold], loaded.base)
        if not message or await self._is_sent(message):
            count = len(message["alerts"]) if message else len(untold)
            self._states.told([number for number, _ in untold[:count]])

    @staticmethod
    async def _is_sent(message: dict[str, Any]) -> bool:
        try:
            code, said = await child.run(message, LONGEST_SEND_S)
        except TimeoutError:
            log.warning("alerts could not be sent within %g s", LONGEST_SEND_S)
            return False
        if code != 0 and not said:
            said = f"alerts could not be sent: the sending process failed with exit code {code}"
        for line in said.splitlines():
            log.warning("%s", line)
        return code == 0


async def _sites(pages: Iterable[SiteCheck]) -> list[Finding]:
    """The configured pages, some of them in parallel."""
    places = asyncio.Semaphore(MAX_SITES)

    async def look(page: SiteCheck) -> Finding:
        async with places:
            return await checks.site(page)

    return await asyncio.gather(*(look(page) for page in pages))
