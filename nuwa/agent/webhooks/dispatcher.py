"""The queue of each webhook: one run at a time, cancelled on request, resumed after a restart."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from nuwa.agent.config.resolved import Loaded
from nuwa.agent.schemas import LISTED_OUTPUT_CHARS, Hook
from nuwa.agent.webhooks import affected, executors
from nuwa.agent.webhooks.executors import Executor
from nuwa.agent.webhooks.hook_run import HookRun
from nuwa.agent.webhooks.recorder import Publish, with_retry
from nuwa.agent.webhooks.run_states import Told
from nuwa.agent.webhooks.run_store import Accepted, History

log = logging.getLogger(__name__)


class Dispatcher:
    """Runs webhooks.

    Args:
        loaded: returns the applied configuration.
        environments: the folder for the environments of commands.
        told: called with each run when it begins, and when it ends.
    """

    def __init__(
        self,
        history: History,
        loaded: Callable[[], Loaded],
        executor: Executor,
        publish: Publish,
        environments: Path,
        told: Told = bool,
    ) -> None:
        self._environments, self._told = environments, told
        self._history, self._loaded, self._executor, self._publish = history, loaded, executor, publish
        self._covered: dict[str, list[str]] = {}
        self._covered_in: Loaded | None = None
        self._queues: dict[str, deque[int]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._current: dict[str, tuple[HookRun, asyncio.Task[str]]] = {}
        self._is_started = False
        self._places = asyncio.Semaphore(max(1, (os.cpu_count() or 2) // 2))

    async def start(self) -> None:
        """Resume interrupted runs, and start queued ones."""
        await executors.end_leftovers(self._environments)
        given_up: list[tuple[int, str]] = []
        await with_retry(lambda: given_up.extend(self._history.recover()))
        self._is_started = True
        for run, hook in self._history.queued():
            self.add(hook, Accepted(run))
        for run, hook in given_up:
            if hook in self._loaded().config.webhooks:
                await self._made(run, hook).give_up()

    def add(self, hook: str, accepted: Accepted) -> None:
        """Queue a run. Before `start` it only waits in the history, which `start` reads."""
        if self._is_started and not accepted.merged:
            self._queues.setdefault(hook, deque()).append(accepted.run)
            if hook not in self._workers:
                self._workers[hook] = asyncio.create_task(self._work(hook))
        self._publish("hook", {"name": hook})

    async def cancel(self, hook: str) -> list[int]:
        """Cancel the current run and those in the queue."""
        cancelled = self._history.cancel_queued(hook)
        self._queues.get(hook, deque()).clear()
        current = self._current.get(hook)
        if current is not None:
            made, task = current
            task.cancel()
            await asyncio.wait([task])
            cancelled.append(made.run)
        self._publish("hook", {"name": hook})
        return cancelled

    async def stop(self) -> None:
        """Stop without marking runs as ended: the next agent resumes them."""
        runs = list(self._current.values())
        for made, _ in runs:
            made.is_abandoned = True
        tasks = [*self._workers.values(), *(task for _, task in runs)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=20)

    async def _work(self, hook: str) -> None:
        queue = self._queues[hook]
        try:
            while queue:
                run = queue.popleft()
                async with self._places:
                    await self._run(hook, run)
        finally:
            del self._workers[hook]

    async def _run(self, hook: str, run: int) -> None:
        loaded = self._loaded()
        if hook not in loaded.config.webhooks:
            await with_retry(lambda: self._history.finish(run, "cancelled", [], 0))
            return
        if not self._history.is_queued(run):
            return
        made = self._made(run, hook)
        task = asyncio.create_task(made.execute())
        self._current[hook] = made, task
        try:
            await asyncio.wait([task])
        finally:
            del self._current[hook]

    def _made(self, run: int, hook: str) -> HookRun:
        return HookRun(run, hook, self._loaded(), self._history, self._executor, self._publish, self._told)

    def listing(self) -> list[Hook]:
        """Every webhook with its last run."""
        return [self.show(name) for name in self._loaded().config.webhooks]

    def hooks_by_service(self) -> dict[str, str]:
        """The state of the webhook that brings changes to a service, by the service's name."""
        found = {}
        for name in self._loaded().config.webhooks:
            state = self._history.state(name)
            found.update(dict.fromkeys(self.covers(name), state))
        return found

    def covers(self, hook: str) -> list[str]:
        """The services that live in a webhook's repository, and that a run may restart."""
        loaded = self._loaded()
        if hook not in loaded.config.webhooks:
            return []
        if loaded is not self._covered_in:  # each listing asks, and this searches all services
            self._covered_in, self._covered = loaded, {}
        if hook not in self._covered:
            self._covered[hook] = affected.living_in(loaded, loaded.config.webhooks[hook].path)
        return self._covered[hook]

    def show(self, name: str) -> Hook:
        """One webhook with its last run, and the end of each command's output."""
        last = self._history.last(name)
        lines = last["lines"] if last else []
        return {
            "name": name,
            "state": last["state"] if last else "idle",
            "queued": self._history.waiting(name),
            "run": last["id"] if last else None,
            "started": last["started"] if last else None,
            "commit": last["commit"] if last else "",
            "services": last["services"] if last else [],
            "covers": self.covers(name),
            "lines": [{**line, "output": line["output"][-LISTED_OUTPUT_CHARS:]} for line in lines],
        }
