"""The agent: its state, its requests, and its work while somebody watches."""

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
from nuwa.agent.database import Database
from nuwa.agent.host import journal
from nuwa.agent.host.metrics import SAMPLE_INTERVAL_S
from nuwa.agent.host.services import Service
from nuwa.agent.inventory import FOLDER_CACHE_S, Inventory
from nuwa.agent.monitor.monitor import Monitor
from nuwa.agent.monitor.results import Finding
from nuwa.agent.paths import Paths
from nuwa.agent.rows import Row
from nuwa.agent.schemas import Applied, Outcome, Stats
from nuwa.agent.stats import answer as stats_answer
from nuwa.agent.stats import marks, openmetrics
from nuwa.agent.stats.recorder import Recorder
from nuwa.agent.webhooks import executors
from nuwa.agent.webhooks.dispatcher import Dispatcher
from nuwa.agent.webhooks.forge_status import ForgeStatuses
from nuwa.agent.webhooks.run_states import RunState
from nuwa.agent.webhooks.run_store import History
from nuwa.errors import NuwaError
from nuwa.web.json_text import to_json
from nuwa.web.sse import Watchers, encode

log = logging.getLogger(__name__)

TOGETHER_S, CHANGES_EVERY_S = 0.01, 0.3
"""Seconds after a change in which others are reported with it, since systemd sends several signals at once;
and the minimum between two rounds."""
LONGEST_RUN_S = 86400.0
"""Seconds after which a restart is no longer attributed to a run, even if its end was never reported."""


class Agent:
    """The state behind the control API.

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
        self._changed = asyncio.Event()
        self.reconfigured = asyncio.Event()
        """Set when another configuration is applied; the next one has an event of its own."""
        environments = paths.hook_environments
        chosen = executor or executors.choose(environments)
        self.dispatcher = Dispatcher(
            self.history, lambda: self.loaded, chosen, self.publish, environments, self._run_told
        )
        self.inventory = Inventory(
            paths, lambda: self.loaded, lambda: bool(self.watchers), self._unit_changed, self._changed.set
        )
        self.monitor = Monitor(self)
        self._forges = ForgeStatuses(lambda: self.loaded)
        self.recorder = Recorder(self)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.dispatcher.start())
                group.create_task(self.inventory.listen())
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
        """Publish an event to watchers. A webhook is given by name; the rest is collected for watchers."""
        if self.watchers:
            self.watchers.publish(name, self.dispatcher.show(data["name"]) if name == "hook" else data)
        if name == "hook":
            self._changed.set()  # rows name the state of their webhook

    def _run_told(self, state: RunState) -> None:
        """Handle a state of a hook's run."""
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
            message += f" and updated {', '.join(state.services)}"
        covers = " ".join(state.services or self.dispatcher.covers(state.hook))
        finding = Finding(f"hook {state.hook}", "hook", covers, "ok" if is_ok else "failed", message)
        self.monitor.report(finding, "" if is_ok else f"See each command: nuwa hooks show {state.run}")

    def services(self) -> list[Service]:
        """All services, the host's own last."""
        return self.inventory.services()

    async def units(self) -> dict[str, dict[str, str]]:
        """systemd's properties of all units of all services."""
        return await self.inventory.units()

    def read_again(self, units: list[str]) -> None:
        """Say that something was done to units."""
        self.inventory.read_again(units)

    def _unit_changed(self) -> None:
        self._changed.set()
        self.recorder.stir()

    async def listing(self) -> bytes:
        """A `Listing` as JSON, of which only changed parts are rebuilt."""
        if not self.watchers:
            await self.inventory.refresh()
        rows = b",".join([row.json for row in await self._rows()])
        about = {"revision": self.configurations.revision(), "applied": self.loaded.revision}
        hooks = to_json(self.dispatcher.listing())
        return to_json(about).removesuffix(b"}") + b',"ps":[' + rows + b'],"hooks":' + hooks + b"}"

    async def _rows(self) -> list[Row]:
        """Every service as it is now."""
        return await self.inventory.rows(self.dispatcher.hooks_by_service(), self.monitor)

    async def _follow_containers(self) -> None:
        """Follow them while somebody watches."""
        while True:
            await self.watchers.arrived.wait()
            await self.inventory.follow_containers()

    async def stats(self, name: str, since: str) -> Stats:
        """The history of a service, or, without a name, of the host.

        Raises:
            UnknownService: there is none of that name.
            UsageError: `since` is not a period.
        """
        others = list(marks.of_alerts(self.monitor.alerts(1000), name))
        service = self.inventory.find(name) if name else None
        if service and service.deployment:
            others += marks.of_releases(service.deployment.releases)
        elif service:
            others += self.history.deploys(name)
        return await stats_answer.of(self.recorder.store(), name, since, others)

    async def metrics(self) -> str:
        """Counters since the agent's start, as OpenMetrics text."""
        return openmetrics.text(self.recorder.totals, [row.content for row in await self._rows()])

    async def act(self, verb: str, name: str, who: str = "nuwa") -> Outcome:
        """Start, stop or restart a service.

        Args:
            who: the cause, for its history.

        Raises:
            UnknownService: there is none.
            WorkFailed: it could not be done.
        """
        service = self.inventory.find(name)
        if verb != "stop":
            self.recorder.restarts.expect(name, who)
        try:
            outcome: Outcome = await worker.act(verb, name)
        finally:
            self.recorder.restarts.settle(name)
            self.inventory.forget()
            self.inventory.read_again(list(service.units))
        return outcome

    async def run_once(self, name: str, command: str) -> Outcome:
        """Have a deployment run one of its one-off commands in the background.

        Raises:
            UnknownService: there is no such service.
            WorkFailed: it could not be done.
        """
        outcome: Outcome = await worker.run_once(self.inventory.find(name).name, command)
        return outcome

    async def apply(self, text: bytes | None, *, expected: str, dry_run: bool, who: str) -> Applied:
        """Apply a configuration, or return what it would change."""
        try:
            done: Applied = await worker.apply(self.paths, text, expected=expected, dry_run=dry_run)
        finally:
            if not dry_run:
                self.loaded = applied.load(self.paths)
                self.reconfigured.set()
                self.reconfigured = asyncio.Event()
                self.inventory.forget()
                self.inventory.read_again()
                self.monitor.deployments.stir()
        if not dry_run:
            self.configurations.remember(who)
            await self._tell_all(done["revision"])
        return done

    async def _tell_all(self, revision: str) -> None:
        """Send watchers the new listing; later ones start with it anyway."""
        self.watchers.publish("config", {"revision": revision})
        if self.watchers:
            with contextlib.suppress(NuwaError):
                self.watchers.publish("ls", await self.listing())

    async def watch(self) -> AsyncIterator[bytes]:
        """The events of one watcher, beginning with the whole listing."""
        with self.watchers.join() as queue:
            yield encode("ls", await self.listing())
            yield encode(
                "history", {"interval": SAMPLE_INTERVAL_S, "services": self.inventory.meter.history()}
            )
            while True:
                name, data = await queue.get()
                yield encode(name, await self.listing() if name == "overflow" else data)

    async def follow(self, chosen: list[Service], query: journal.Query) -> AsyncIterator[bytes]:
        """The lines of services as events, whose ids are cursors."""
        async with contextlib.aclosing(journal.follow(journal.Sources(chosen), query)) as lines:
            async for line in lines:
                yield encode("line", line, line["cursor"])

    async def _observe(self) -> None:
        """Send watchers changes soon after they happen; sleep while nobody watches."""
        seen: dict[str, Row] = {}
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
            silence = FOLDER_CACHE_S if self.inventory.is_told else SAMPLE_INTERVAL_S  # the bus has signals
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), silence)
            await asyncio.sleep(max(TOGETHER_S, told + CHANGES_EVERY_S - time.monotonic()))

    async def _tell_changes(self, seen: dict[str, Row]) -> dict[str, Row]:
        """Send watchers the changes since the last round.

        Returns:
            the present state, for the next round.
        """
        now = {row.content["name"]: row for row in await self._rows()}
        for name, row in now.items():
            if seen and (name not in seen or row.differs(seen[name])):
                self.watchers.publish("service", row.json)
        return now

    async def _measure_watched(self) -> None:
        """Measure and read lines while somebody watches: a separate task, since the journal may be slow."""
        while True:
            if not self.watchers:
                await self.inventory.meter.rest()
                await self.watchers.arrived.wait()
            begun = time.monotonic()
            try:
                usage = await self.inventory.sample()
                self.watchers.publish("sample", {"time": time.time(), "services": usage})
                for line in await self.inventory.new_lines():
                    self.watchers.publish("line", line)
            except NuwaError as error:
                log.warning("%s", error)
            await asyncio.sleep(max(0.2, SAMPLE_INTERVAL_S - (time.monotonic() - begun)))
