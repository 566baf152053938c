"""Records a run's steps in the history, with their output as it comes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from nuwa.agent.schemas import Step
from nuwa.agent.webhooks.run_store import MAX_OUTPUT_CHARS, History
from nuwa.errors import NuwaError
from nuwa.web.rewritten_lines import extended

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
WRITE_EVERY_S = 0.5
"""Seconds between two writes of a running command's output."""
RETRY_S = 5.0
"""Seconds between two tries to write to a database whose disk is full."""


class Recorder:
    """Keeps a running command's output, and tells it on."""

    def __init__(
        self, history: History, run: int, number: int, hook: str, step: Step, publish: Publish
    ) -> None:
        self._history, self.run, self._number, self._hook = history, run, number, hook
        self._step, self._publish = step, publish
        self._begun = self._written = time.monotonic()
        self._untold: list[str] = []
        self._due: asyncio.TimerHandle | None = None
        self.write()

    def add(self, text: str) -> None:
        self._step["output"] = extended(self._step["output"], text)[-MAX_OUTPUT_CHARS:]
        self._untold.append(text)
        if self._due is None:
            wait = max(0.0, self._written + WRITE_EVERY_S - time.monotonic())
            self._due = asyncio.get_running_loop().call_later(wait, self.write)

    def write(self) -> None:
        if self._due:
            self._due.cancel()
            self._due = None
        self._written = time.monotonic()
        self._step["duration"] = round(self._written - self._begun, 3)
        try:
            self._history.write_step(self.run, self._number, self._step)
        except NuwaError as error:
            log.warning("output of run %d cannot be stored: %s", self.run, error)
        about = {"hook": self._hook, "run": self.run, "step": self._number, "command": self._step["command"]}
        end = {"code": self._step["code"], "duration": self._step["duration"]}
        self._publish("output", {**about, **end, "text": "".join(self._untold)})
        self._untold.clear()


async def with_retry(write: Callable[[], None]) -> None:
    """Write to the history; while its disk is full, try again: the result of a run must not be lost."""
    while True:
        try:
            return write()
        except NuwaError as error:
            log.warning("%s", error)
        await asyncio.sleep(RETRY_S)
