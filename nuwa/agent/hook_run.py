"""One run of a webhook: fetch the branch, run the commands, and bring what changed into service."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import posixpath
import pwd
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuwa.agent import changes, execution, git, naming, processes
from nuwa.agent.changes import Concern
from nuwa.agent.execution import Command, Executor
from nuwa.agent.history import MOST_OUTPUT, History
from nuwa.agent.loaded import Loaded
from nuwa.agent.model import Limits, Webhook
from nuwa.agent.shapes import Step
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
WRITE_EVERY = 0.5
"""Seconds between two writes of a running command's output."""
AGAIN = 5.0
"""Seconds between two tries to write to a database whose disk is full."""


class StepFailed(Exception):
    """A command ended with anything but 0."""


class HookRun:
    """A run on its way.

    Args:
        publish: gets an event's name and data, for those who watch.
    """

    def __init__(
        self, run: int, name: str, loaded: Loaded, history: History, executor: Executor, publish: Publish
    ) -> None:
        self.run, self._name, self._loaded = run, name, loaded
        self._hook: Webhook = loaded.config.webhooks[name]
        self._history, self._executor, self._publish = history, executor, publish
        self._repository = processes.absolute(self._hook.path, loaded.base)
        self._number = 0
        self._services: list[str] = []
        self._is_unknown = False
        """Whether nobody can tell any more what changed since the last run: then all of it counts."""
        self.is_abandoned = False
        """Set before it is cancelled because the agent ends: the next one takes the run up again."""

    async def execute(self) -> str:
        """Do it all.

        Returns:
            the state that the run ended in; it is in the history by then.
        """
        await patiently(lambda: self._history.begin(self.run))
        begun = time.monotonic()
        self._publish("hook", {"name": self._name})
        state = "failed"
        try:
            async with asyncio.timeout(self._hook.timeout):
                await self._everything()
            state = "ok"
        except TimeoutError:
            state = "timeout"
        except asyncio.CancelledError:
            if self.is_abandoned:
                return "running"
            state = "cancelled"
        except StepFailed:
            pass
        except Exception:
            log.exception("run %d of %s", self.run, self._name)
        duration = time.monotonic() - begun
        await patiently(lambda: self._history.finish(self.run, state, self._services, duration))
        self._publish("hook", {"name": self._name})
        return state

    async def _everything(self) -> None:
        changed = await self._update()
        before = self._script_sums()
        for words in self._hook.commands:
            await self._step(words, user=self._user, limits=self._hook.limits)
        after = self._script_sums()
        changed |= {path for path in after if after[path] != before.get(path)}
        forced = self._is_unknown or self._history.is_forced(self.run)
        concerns = changes.affected(self._loaded, self._repository, changed, forced=forced)
        for concern in concerns:
            await self._bring_in(concern)
            self._services.append(concern.service)

    async def _update(self) -> set[str]:
        """Stand on the branch's newest commit; returns the files that differ from the last run's."""
        hook = self._hook
        before = (await self._ask(git.commit())).strip()
        base = self._history.base_of(self.run, self._name) or before
        self._history.note_base(self.run, base)
        branch = hook.branch or (await self._ask(git.branch())).strip() or "main"
        await self._step(git.fetch(hook.remote, branch), user=self._user)
        await self._step(git.stand_on(hook.remote, branch), user=self._user)
        now = (await self._ask(git.commit())).strip()
        self._history.note_commit(self.run, now)
        if not base or base == now:
            return set()
        if not (await self._ask(git.known(base))).strip():
            # Somebody cloned it anew, or rewrote its history long ago: what changed cannot be told.
            self._is_unknown = True
            return set()
        names = await self._ask(git.difference(base, now))
        return git.files(self._repository, names)

    def _script_sums(self) -> dict[str, str]:
        found = {}
        for path in changes.scripts(self._loaded, self._repository).values():
            try:
                found[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            except OSError:
                found[path] = ""
        return found

    async def _bring_in(self, concern: Concern) -> None:
        """Restart a plain process; build and deploy an app."""
        python = sys.executable
        if not concern.folder:
            argv = (python, "-m", "nuwa.agent.work", "--text", "restart", concern.service)
            await self._step(argv, shown=f"restart {concern.service}", folder="/")
            return
        nuwa = (python, "-m", "nuwa")
        await self._step(
            (*nuwa, "build", concern.build), shown=f"nuwa build {concern.build}", folder=concern.build
        )
        answer = await self._ask((*nuwa, "check", concern.build, "--json"), user="")
        image = json.loads(answer)["image"]
        deploy = (posixpath.join(concern.folder, "bin/deploy"), image, "--yes")
        await self._step(deploy, shown=f"bin/deploy {image}", folder=concern.folder)

    @property
    def _user(self) -> str:
        """Who fetches and runs commands: as configured, or the repository's owner; empty: root itself."""
        user = self._hook.user or _owner(self._repository)
        return "" if user == "root" else user

    async def _ask(self, argv: Sequence[str], *, user: str | None = None) -> str:
        """What a command prints; it is no step of the run, and empty when it fails."""
        pieces: list[str] = []
        command = self._command(argv, self._user if user is None else user, self._repository, Limits())
        code = await self._executor.run(replace(command, errors=False), pieces.append)
        return "".join(pieces) if code == 0 else ""

    def _command(self, argv: Sequence[str], user: str, folder: str, limits: Limits) -> Command:
        self._number += 1
        return Command(
            argv=argv,
            unit=naming.hook_unit(self.run, self._number),
            folder=folder,
            user=user,
            env=execution.environment({**git.ENVIRONMENT, **self._hook.env}, own=argv[0] == sys.executable),
            limits=limits,
            seconds=self._hook.timeout,
        )

    async def _step(
        self,
        argv: Sequence[str],
        *,
        shown: str = "",
        user: str = "",
        folder: str = "",
        limits: Limits | None = None,
    ) -> None:
        """Run a command as a step of the run, its output kept and shown as it comes.

        Args:
            shown: what is written down in place of the command line.
            user: who runs it; empty: root.
            folder: where; empty: in the repository.

        Raises:
            StepFailed: it ended with anything but 0.
        """
        command = self._command(argv, user, folder or self._repository, limits or Limits())
        step: Step = {"command": shown or _shown(argv), "output": "", "duration": 0.0, "code": None}
        recorder = _Recorder(self._history, self.run, self._number, self._name, step, self._publish)
        try:
            step["code"] = await self._executor.run(command, recorder.add)
        except BaseException:
            step["code"] = -1
            raise
        finally:
            recorder.write()
        if step["code"] != 0:
            raise StepFailed


class _Recorder:
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
        self._step["output"] = (self._step["output"] + text)[-MOST_OUTPUT:]
        self._untold.append(text)
        if self._due is None:
            wait = max(0.0, self._written + WRITE_EVERY - time.monotonic())
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
            log.warning("output of run %d is not kept: %s", self.run, error)
        about = {"hook": self._hook, "run": self.run, "step": self._number, "command": self._step["command"]}
        end = {"code": self._step["code"], "duration": self._step["duration"]}
        self._publish("output", {**about, **end, "text": "".join(self._untold)})
        self._untold.clear()


async def patiently(write: Callable[[], None]) -> None:
    """Write to the history; while its disk is full, try again: what a run comes to must not be lost."""
    while True:
        try:
            return write()
        except NuwaError as error:
            log.warning("%s", error)
        await asyncio.sleep(AGAIN)


def _owner(path: str) -> str:
    try:
        return pwd.getpwuid(Path(path).stat().st_uid).pw_name
    except (OSError, KeyError):
        return ""


def _shown(argv: Sequence[str]) -> str:
    """A command line as a person would write it; git's settings are left out."""
    import shlex

    words = list(argv)
    while words[:2] == ["git", "-c"]:
        del words[1:3]
    return shlex.join(words)
