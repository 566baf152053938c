"""Reports results of deployments' scripts soon after they end; a round of checks may take longer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from nuwa.agent.config.resolved import Loaded
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service
from nuwa.agent.monitor.archive_results import ArchiveResults
from nuwa.agent.monitor.results import Finding
from nuwa.agent.monitor.script_results import ScriptResults
from nuwa.agent.paths import Paths
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)


class Host(Protocol):
    """What is needed of the agent."""

    paths: Paths
    loaded: Loaded

    def services(self) -> list[Service]: ...


class DeploymentResults:
    """Checks every deployment as often as the monitor does, and on request.

    Args:
        report: called with each result.
    """

    def __init__(self, host: Host, report: Callable[[Finding], None]) -> None:
        self._host, self._report = host, report
        self._scripts = ScriptResults(host.paths.state / "script_results.json")
        self._archives = ArchiveResults(host.paths.state / "archive_results.json")
        self._stirred = asyncio.Event()

    async def run(self) -> None:
        """Look forever."""
        while True:
            self._stirred.clear()
            for service in self._services():
                if service.deployment:
                    await self._look(service.name, service.deployment)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), self._host.loaded.config.monitor.interval)

    def _services(self) -> list[Service]:
        """All services; none if they cannot be read, which is not an error here."""
        try:
            return self._host.services()
        except Exception:
            log.exception("results of deployments wait")
            return []

    def stir(self) -> None:
        """Check now: a script may have ended, or a deployment is new and is watched from now on."""
        self._stirred.set()

    async def _look(self, service: str, deployment: Deployment) -> None:
        try:
            for results_of in (self._scripts, self._archives):
                for finding in await asyncio.to_thread(results_of.new, service, deployment):
                    self._report(finding)
        except NuwaError as error:
            log.warning("results of %s wait: %s", service, error)
        except Exception:
            log.exception("results of %s wait", service)
