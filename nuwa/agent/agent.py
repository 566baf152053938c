"""The agent: what it knows, what it can be asked, and what it does while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from nuwa.agent import worker
from nuwa.agent.audit import Actor, Trail
from nuwa.agent.config import applied
from nuwa.agent.config.history import Configurations
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.containers import state
from nuwa.agent.containers.state import Container
from nuwa.agent.containers.watch import Containers
from nuwa.agent.database import Database
from nuwa.agent.host import journal, services
from nuwa.agent.host.log_tail import LogTail
from nuwa.agent.host.metrics import SAMPLE_INTERVAL_S, Meter
from nuwa.agent.host.services import Service
from nuwa.agent.host.unit_states import Units
from nuwa.agent.monitor.monitor import Monitor
from nuwa.agent.monitor.results import Finding
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Applied, Check, Listing, Outcome, ServiceRow, Stats
from nuwa.agent.stats import answer as stats_answer
from nuwa.agent.stats import marks, openmetrics
from nuwa.agent.stats.recorder import Recorder
from nuwa.agent.webhooks import executors
from nuwa.agent.webhooks.dispatcher import Dispatcher
from nuwa.agent.webhooks.forge_status import ForgeStatuses
from nuwa.agent.webhooks.run_states import RunState
from nuwa.agent.webhooks.run_store import History
from nuwa.errors import NuwaError
from nuwa.web.sse import Watchers, encode

log = logging.getLogger(__name__)

FOLDER_CACHE_S = 10.0
"""Seconds for which the folders of deployments are not looked at again."""
TOGETHER_S, CHANGES_EVERY_S = 0.05, 0.3
"""Seconds after a change in which others are told with it; and between two rounds at least."""
LISTING_WAIT_S = 0.5
"""Seconds that a listing waits for new log lines, a new sample and podman, when what is known is old."""
RECENT_S, ANSWER_FIRST_S = 5.0, 0.03
"""Seconds for which what was read for one listing is good enough for another; and in which that one is out
before it is read again."""
LONGEST_RUN_S = 86400.0
"""Seconds after which a restart is not that of a run any more, though nobody said that the run has ended."""
CONTAINERS_WAIT_S = 3.0
"""Seconds that an answer waits for podman, which may be at work on a container for long."""


class Agent:
    """Everything that the control API answers from.

    Args:
        executor: how the commands of webhooks are run.
    """

    def __init__(self, paths: Paths, executor: executors.Executor | None = None) -> None:
        self.paths = paths
        self.started = time.time()
        self.watchers = Watchers()
        self.database = Database(paths.database)
        self.history = History(self.database)
        self.trail = Trail(self.database)
        self.configurations = Configurations(paths, self.database)
        self.loaded: Loaded = applied.load(paths)
        self._units = Units(self._forget_services)
        self._meter, self._tail = Meter(), LogTail()
        self._services: list[Service] = []
        self._services_at = float("-inf")
        self._changed = asyncio.Event()
        self.reconfigured = asyncio.Event()
        """Set when another configuration is applied; the next one has an event of its own."""
        environments = paths.hook_environments
        chosen = executor or executors.choose(environments)
        self.dispatcher = Dispatcher(
            self.history, lambda: self.loaded, chosen, self.publish, environments, self._run_told
        )
        self.containers = Containers(paths.podman, self._has_watched_containers, self._changed.set)
        self._looking: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = float("-inf")
        self.monitor = Monitor(self)
        self._forges = ForgeStatuses(lambda: self.loaded)
        self.recorder = Recorder(self)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.dispatcher.start())
                group.create_task(self._units.listen())
                group.create_task(self._observe())
                group.create_task(self._measure_watched())
                group.create_task(self.monitor.run())
                group.create_task(self.monitor.channels.run())
                group.create_task(self.monitor.deployments.run())
                group.create_task(self._follow_containers())
                group.create_task(self.recorder.run())
        finally:
            await self.dispatcher.stop()
            self.database.close()

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Tell those who watch. Of a webhook only the name comes; the rest is gathered for watchers alone."""
        if self.watchers:
            self.watchers.publish(name, self.dispatcher.show(data["name"]) if name == "hook" else data)
        if name == "hook":
            self._changed.set()  # rows name the state of their webhook

    def _run_told(self, state: RunState) -> None:
        """Take note of a run of a hook."""
        self._forges.tell(state)
        for name in self.dispatcher.covers(state.hook):
            if state.state == "running":
                self.recorder.restarts.expect(name, f"hook {state.hook}, run {state.run}", LONGEST_RUN_S)
            else:
                self.recorder.restarts.settle(name)
        if state.state == "running":
            return
        self.monitor.deployments.stir()
        outcome = state.state if not state.step else f"{state.state}: {state.step}"
        brought = " ".join(state.services) or "nothing"
        self.trail.record(Actor(state.hook, "hook", f"run {state.run}"), "bring in", brought, outcome)
        if state.state != "cancelled":
            self._report_run(state)

    def _report_run(self, state: RunState) -> None:
        """An alert about a run of a hook that has ended."""
        is_ok = state.state == "ok"
        message = f"run {state.run} {'succeeded' if is_ok else state.state}"
        message += f": {state.step}" if state.step else ""
        if is_ok and state.services:
            message += f" and brought in {', '.join(state.services)}"
        covers = " ".join(state.services or self.dispatcher.covers(state.hook))
        finding = Finding(f"hook {state.hook}", "hook", covers, "ok" if is_ok else "failed", message)
        self.monitor.report(finding, "" if is_ok else f"See each command: nuwa hooks show {state.run}")

    def services(self) -> list[Service]:
        """All services, the host's own last."""
        now = time.monotonic()
        if now - self._services_at > FOLDER_CACHE_S:
            self._services = [*services.every(self.loaded, self.paths), *services.core()]
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

    async def units(self) -> dict[str, dict[str, str]]:
        """systemd's properties of all units of all services."""
        self.services()
        return await self._units.current()

    def read_again(self, units: list[str]) -> None:
        """Say that something was done to units."""
        self._units.invalidate(units)

    def _forget_services(self) -> None:
        self._services_at = float("-inf")
        self._changed.set()
        self.recorder.stir()

    async def listing(self) -> Listing:
        """Everything at a glance."""
        if not self.watchers:
            await self._refresh()
        return {
            "revision": self.configurations.revision(),
            "applied": self.loaded.revision,
            "ps": await self.rows(),
            "hooks": self.dispatcher.listing(),
        }

    async def _refresh(self) -> None:
        """Read what nobody reads while nobody watches; who asks often is not kept waiting by it."""
        is_old = time.monotonic() - self._refreshed_at > RECENT_S
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read_all(0 if is_old else ANSWER_FIRST_S))
        if is_old:
            is_known = self._tail.is_filled
            await asyncio.wait({self._refreshing}, timeout=LISTING_WAIT_S if is_known else None)

    async def _read_all(self, delay: float) -> None:
        await asyncio.sleep(delay)
        reads = (self._tail.refresh(self.services()), self._measure(), self.refresh_containers())
        await asyncio.gather(*reads, return_exceptions=True)
        self._refreshed_at = time.monotonic()

    async def refresh_containers(self) -> None:
        """Look at the containers of deployments, where there are any and nobody follows them anyway.

        What podman does not tell in time is in a later answer.
        """
        if self._has_containers() and not self.watchers:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_at_containers())
            await asyncio.wait({self._looking}, timeout=CONTAINERS_WAIT_S)

    async def _look_at_containers(self) -> None:
        with contextlib.suppress(NuwaError):
            await self.containers.refresh()

    def container(self, service: Service) -> Container | None:
        """The container of a deployment's serving slot, as it was seen last."""
        found = service.deployment
        return self.containers.find(found.names.container(found.slot)) if found and found.app else None

    def health_checks(self) -> list[Check]:
        """What podman's health checks say, as checks of the monitor."""
        seen = [(service.name, self.container(service)) for service in self.services()]
        return [check for name, found in seen if found and (check := state.check(name, found))]

    def _has_containers(self) -> bool:
        return any(service.deployment for service in self.services())

    def _has_watched_containers(self) -> bool:
        return bool(self.watchers) and self._has_containers()

    async def _follow_containers(self) -> None:
        """Follow them while somebody watches."""
        while True:
            await self.watchers.arrived.wait()
            if self._has_containers():
                await self.containers.follow()
            else:
                await asyncio.sleep(FOLDER_CACHE_S)

    async def _measure(self) -> None:
        if self._meter.is_old:
            await self._meter.sample(self.services(), await self.units())

    async def rows(self) -> list[ServiceRow]:
        """Every service as it is now."""
        units = await self.units()
        hooks = self.dispatcher.hooks_by_service()
        rows = []
        for service in self.services():
            row = services.row(service, units)
            row["usage"] = self._meter.usage(service.name)
            row["last"] = self._tail.last(service.name)
            row["hook"] = hooks.get(service.name)
            row["result"] = row["result"] or self.monitor.fault_inside(service.name)
            container = self.container(service)
            row["container"] = container.row() if container else None
            row["certificate_end"] = self.monitor.certificate_end(service.name)
            rows.append(row)
        return rows

    async def stats(self, name: str, since: str) -> Stats:
        """The history of a service, or, without a name, of the host.

        Raises:
            UnknownService: there is none of that name.
            UsageError: `since` is no period.
        """
        others = list(marks.of_alerts(self.monitor.alerts(1000), name))
        service = self.find(name) if name else None
        if service and service.deployment:
            others += marks.of_releases(service.deployment.releases)
        elif service:
            others += self.history.deploys(name)
        return await stats_answer.of(self.recorder.store(), name, since, others)

    async def metrics(self) -> str:
        """Counters since the agent's start, as OpenMetrics text."""
        return openmetrics.text(self.recorder.totals, await self.rows())

    async def act(self, verb: str, name: str, who: str = "nuwa") -> Outcome:
        """Start, stop or restart a service.

        Args:
            who: has it done, in words for its history.

        Raises:
            UnknownService: there is none.
            WorkFailed: it could not be done.
        """
        service = self.find(name)
        if verb != "stop":
            self.recorder.restarts.expect(name, who)
        try:
            outcome: Outcome = await worker.act(verb, name)
        finally:
            self.recorder.restarts.settle(name)
            self._forget_services()
            self._units.invalidate(service.units)
        return outcome

    async def run_once(self, name: str, command: str) -> Outcome:
        """Have a deployment run one of its one-off commands in the background.

        Raises:
            UnknownService: there is no such service.
            WorkFailed: it could not be done.
        """
        outcome: Outcome = await worker.run_once(self.find(name).name, command)
        return outcome

    async def apply(self, text: bytes | None, *, expected: str, dry_run: bool, who: str) -> Applied:
        """Apply a configuration, or say what it would change."""
        try:
            done: Applied = await worker.apply(self.paths, text, expected=expected, dry_run=dry_run)
        finally:
            if not dry_run:
                self.loaded = applied.load(self.paths)
                self.reconfigured.set()
                self.reconfigured = asyncio.Event()
                self._forget_services()
                self._units.invalidate()
                self.monitor.deployments.stir()
        if not dry_run:
            self.configurations.remember(who)
            await self._tell_all(done["revision"])
        return done

    async def _tell_all(self, revision: str) -> None:
        """Tell watchers what there is now; those who learn it late begin with it anyway."""
        self.watchers.publish("config", {"revision": revision})
        if self.watchers:
            with contextlib.suppress(NuwaError):
                self.watchers.publish("ls", await self.listing())

    async def watch(self) -> AsyncIterator[bytes]:
        """The events of one watcher, the whole first."""
        with self.watchers.join() as queue:
            yield encode("ls", await self.listing())
            yield encode("history", {"interval": SAMPLE_INTERVAL_S, "services": self._meter.history()})
            while True:
                name, data = await queue.get()
                yield encode(name, await self.listing() if name == "overflow" else data)

    async def follow(self, chosen: list[Service], query: journal.Query) -> AsyncIterator[bytes]:
        """The lines of services as events, whose ids are cursors."""
        async with contextlib.aclosing(journal.follow(journal.Sources(chosen), query)) as lines:
            async for line in lines:
                yield encode("line", line, line["cursor"])

    async def _observe(self) -> None:
        """Tell watchers soon what is not as it was; sleep while nobody watches."""
        seen: dict[str, dict[str, Any]] = {}
        while True:
            if not self.watchers:
                seen = {}
                await self.watchers.arrived.wait()
            self._changed.clear()
            try:
                seen = await self._tell_changes(seen)
            except NuwaError as error:
                log.warning("%s", error)
            told = time.monotonic()
            silence = FOLDER_CACHE_S if self._units.has_bus else SAMPLE_INTERVAL_S  # the bus has signals
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), silence)
            await asyncio.sleep(max(TOGETHER_S, told + CHANGES_EVERY_S - time.monotonic()))

    async def _tell_changes(self, seen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Tell watchers what is new since the last round.

        Returns:
            what there is now, for the next round.
        """
        now = {}
        for row in await self.rows():
            name, now[row["name"]] = row["name"], services.news(row)
            if seen and seen.get(name) != now[name]:
                self.watchers.publish("service", row)
        return now

    async def _measure_watched(self) -> None:
        """Measure and read lines while somebody watches: for itself, since the journal may take its time."""
        while True:
            if not self.watchers:
                await self._meter.rest()
                await self.watchers.arrived.wait()
            begun = time.monotonic()
            try:
                usage = await self._meter.sample(self.services(), await self.units())
                self.watchers.publish("sample", {"time": time.time(), "services": usage})
                for line in await self._tail.refresh(self.services()):
                    self.watchers.publish("line", line)
            except NuwaError as error:
                log.warning("%s", error)
            await asyncio.sleep(max(0.2, SAMPLE_INTERVAL_S - (time.monotonic() - begun)))
