"""One run of a webhook: fetch the branch, run the commands, and restart or deploy what changed."""

from __future__ import annotations

import asyncio
import json
import logging
import posixpath
import pwd
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from nuwa.agent import naming, regular_files
from nuwa.agent.config import processes
from nuwa.agent.config.model import Limits, Webhook
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.schemas import Step
from nuwa.agent.webhooks import affected, executors, git, work_tree
from nuwa.agent.webhooks.affected import Concern
from nuwa.agent.webhooks.executors import Command, Executor
from nuwa.agent.webhooks.recorder import Publish, Recorder, with_retry
from nuwa.agent.webhooks.run_states import RunState, Told
from nuwa.agent.webhooks.run_store import History
from nuwa.errors import NuwaError

log = logging.getLogger(__name__)


MAX_SCRIPT_BYTES = 64 * 1024 * 1024
"""A larger script is identified by its size and time."""
REMOTE_TIMEOUT_S = 30.0
"""Seconds that git may take to tell the address of a remote."""


class StepFailed(Exception):
    """A command failed.

    Args:
        output: what it printed.
    """

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


class HookRun:
    """A running hook.

    Args:
        publish: called with an event's name and data, for watchers.
        told: called with the run when it begins, and when it ends.
    """

    def __init__(
        self,
        run: int,
        name: str,
        loaded: Loaded,
        history: History,
        executor: Executor,
        publish: Publish,
        told: Told = bool,
    ) -> None:
        self._told = told
        self.run, self._name, self._loaded = run, name, loaded
        self._hook: Webhook = loaded.config.webhooks[name]
        self._history, self._executor, self._publish = history, executor, publish
        self._repository = processes.absolute(self._hook.path, loaded.base)
        self._number = 0
        self._services: list[str] = []
        self._remote = ""
        """The address that git fetches from; read if the run is reported to the forge."""
        self._failed = ""
        """The command that failed."""
        self._is_unknown = False
        """Whether it is unknown what changed since the last run: then everything counts as changed."""
        self.is_abandoned = False
        """Set before it is cancelled because the agent ends: the next one takes the run up again."""

    async def execute(self) -> str:
        """Do it all.

        Returns:
            the state that the run ended in; it is in the history by then.
        """
        await with_retry(lambda: self._history.begin(self.run))
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
        except NuwaError as error:
            self._note("nuwa", f"{error}\n")
        except Exception:
            log.exception("run %d of %s", self.run, self._name)
        duration = time.monotonic() - begun
        await with_retry(lambda: self._history.finish(self.run, state, self._services, duration))
        self._publish("hook", {"name": self._name})
        self._tell(state, duration)
        return state

    async def give_up(self) -> None:
        """Report that the run failed: it was interrupted too often, and is not started again."""
        try:
            async with asyncio.timeout(REMOTE_TIMEOUT_S):
                await self._ask_remote()
        except (NuwaError, OSError) as error:
            log.warning("run %d of %s: %s", self.run, self._name, error)
        self._failed = "interrupted by a stop of the agent each time"
        self._tell("failed")

    async def _ask_remote(self) -> None:
        if self._hook.status:
            self._remote = (await self._ask(git.remote_url(self._hook.remote))).strip()

    def _tell(self, state: str, duration: float = 0.0) -> None:
        """Report the state of the run; errors in this do not fail the run."""
        services = tuple(self._services)
        try:
            commit = self._history.commit_of(self.run)
            self._told(
                RunState(self.run, self._name, commit, state, services, duration, self._failed, self._remote)
            )
        except Exception:
            log.exception("the state of run %d of %s was not told", self.run, self._name)

    async def _everything(self) -> None:
        changed = await self._update()
        self._tell("running")
        before = await asyncio.to_thread(self._script_sums)
        for words in self._hook.commands:
            await self._step(words, user=self._user, limits=self._hook.limits)
        after = await asyncio.to_thread(self._script_sums)
        changed |= {path for path in after if after[path] != before.get(path)}
        forced = self._is_unknown or self._history.is_forced(self.run)
        concerns = affected.affected(self._loaded, self._repository, changed, forced=forced)
        for concern in concerns:
            await self._bring_in(concern)
            self._services.append(concern.service)

    async def _update(self) -> set[str]:
        """Check out the branch's newest commit; returns the files that changed since the last run."""
        hook = self._hook
        await self._ask_remote()
        before = (await self._ask(git.commit())).strip()
        base = self._history.base_of(self.run, self._name) or before
        self._history.note_base(self.run, base)
        branch = hook.branch or (await self._ask(git.branch())).strip() or "main"
        await self._step(git.fetch(hook.remote, branch), user=self._user)
        await self._step(git.checkout(hook.remote, branch), user=self._user)
        await self._complete()
        now = (await self._ask(git.commit())).strip()
        self._history.note_commit(self.run, now)
        if not base or base == now:
            return set()
        if not (await self._ask(git.known(base))).strip():
            # The repository was cloned again or its history rewritten: what changed is unknown.
            self._is_unknown = True
            return set()
        names = await self._ask(git.difference(base, now))
        return git.files(self._repository, names)

    async def _complete(self) -> None:
        """Fetch submodules and files of Git LFS, and check that the work tree matches the commit.

        Raises:
            StepFailed: it does not; the run's last step says why.
        """
        submodules: list[str] = []
        if work_tree.submodules(await self._ask(work_tree.entries(), required=True)):
            await self._update_submodules()
            submodules = work_tree.submodule_paths(
                await self._ask(work_tree.submodule_status(), required=True)
            )
        pointers: list[str] = []
        has_lfs = False
        for folder in (".", *submodules):
            names = (await self._ask(work_tree.lfs_files(folder), required=True)).split("\0")[:-1]
            if not names:
                continue
            has_lfs = True
            if not await self._ask(work_tree.lfs_version()):
                self._fail("git lfs pull", work_tree.lfs_is_missing(names))
            await self._step(work_tree.lfs_pull(folder), user=self._user)
            pointers += work_tree.lfs_missing(await self._ask(work_tree.lfs_status(folder), required=True))
        changed = await self._ask(work_tree.status(has_lfs=has_lfs), required=True)
        if changed and not await self._ask(work_tree.real_difference(has_lfs=has_lfs), required=True):
            changed = ""
        marks = await self._ask(work_tree.submodule_status(), required=True) if submodules else ""
        if found := list(work_tree.faults(changed, marks, pointers)):
            self._fail("git status", "The work tree does not match the commit:\n" + "\n".join(found))

    async def _update_submodules(self) -> None:
        env = {"GIT_ALLOW_PROTOCOL": work_tree.SUBMODULE_PROTOCOLS}
        await self._ask(work_tree.sync_submodules(), required=True)
        try:
            await self._step(work_tree.update_submodules(), user=self._user, env=env)
        except StepFailed as error:
            if "not allowed" in error.output:
                self._note("git submodule update", work_tree.PROTOCOL_HINT)
            raise

    def _script_sums(self) -> dict[str, str]:
        paths = affected.scripts(self._loaded, self._repository).values()
        return {path: regular_files.fingerprint(Path(path), MAX_SCRIPT_BYTES) for path in paths}

    async def _bring_in(self, concern: Concern) -> None:
        """Restart a plain process; build and deploy an app."""
        python = sys.executable
        if not concern.folder:
            argv = (python, "-m", "nuwa.agent.apply", "--text", "restart", concern.service)
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
        """The user for git and commands: as configured, or the repository's owner; empty: root."""
        user = self._hook.user or _owner(self._repository)
        return "" if user == "root" else user

    async def _ask(self, argv: Sequence[str], *, user: str | None = None, required: bool = False) -> str:
        """The output of a command that is not a step of the run; empty if it fails.

        Raises:
            StepFailed: it failed and is `required`; then it becomes a step.
        """
        pieces: list[str] = []
        command = self._command(argv, self._user if user is None else user, self._repository, Limits())
        code = await self._executor.run(replace(command, errors=False), pieces.append)
        if code != 0 and required:
            await self._step(argv, user=self._user)
        return "".join(pieces) if code == 0 else ""

    def _note(self, shown: str, output: str) -> None:
        """Record a failed step that has no command of its own."""
        self._number += 1
        step: Step = {"command": shown, "output": "", "duration": 0.0, "code": None}
        recorder = Recorder(self._history, self.run, self._number, self._name, step, self._publish)
        recorder.add(output)
        step["code"] = 1
        self._failed = shown
        recorder.write()

    def _fail(self, shown: str, output: str) -> NoReturn:
        self._note(shown, output + "\n")
        raise StepFailed(output)

    def _command(
        self,
        argv: Sequence[str],
        user: str,
        folder: str,
        limits: Limits,
        env: Mapping[str, str] | None = None,
    ) -> Command:
        self._number += 1
        given = {**git.ENVIRONMENT, **(env or {}), **self._hook.env}
        return Command(
            argv=argv,
            unit=naming.hook_unit(self.run, self._number),
            folder=folder,
            user=user,
            env=executors.environment(given, own=argv[0] == sys.executable),
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
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command as a step of the run, its output kept and shown as it comes.

        Args:
            shown: recorded instead of the command line.
            user: the user that runs it; empty: root.
            folder: its working directory; empty: the repository.

            Raises:
            StepFailed: its exit code is not 0.
        """
        command = self._command(argv, user, folder or self._repository, limits or Limits(), env)
        step: Step = {"command": shown or _shown(argv), "output": "", "duration": 0.0, "code": None}
        recorder = Recorder(self._history, self.run, self._number, self._name, step, self._publish)
        try:
            step["code"] = await self._executor.run(command, recorder.add)
        except BaseException:
            step["code"] = -1
            raise
        finally:
            recorder.write()
        if step["code"] != 0:
            self._failed = step["command"]
            raise StepFailed(step["output"])


def _owner(path: str) -> str:
    try:
        return pwd.getpwuid(Path(path).stat().st_uid).pw_name
    except (OSError, KeyError):
        return ""


def _shown(argv: Sequence[str]) -> str:
    """A command line as a person would type it, without git's settings."""
    import shlex

    words = list(argv)
    while words[:2] == ["git", "-c"] or words[:3] == ["git", "-C", "."]:
        del words[1:3]
    return shlex.join(words)
