"""How a hook's command is run: in a unit of its own, that can be limited and ended with all its children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nuwa.agent import naming
from nuwa.agent.model import Limits
from nuwa.process import run
from nuwa.process_async import started

Output = Callable[[str], None]
PIDS = 4096
"""Processes of a command that has no limit of its own: a compiler starts many."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
OWN = ("PATH", "PYTHONPATH", "NUWA_ROOT")


@dataclass(frozen=True)
class Command:
    """A command of a hook.

    Args:
        unit: the unit that it runs in.
        user: who runs it; empty: the agent itself, so root.
        seconds: after which it is ended.
        errors: whether its standard error belongs to its output.
    """

    argv: Sequence[str]
    unit: str
    folder: str
    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    seconds: int = 3600
    errors: bool = True


class Executor(Protocol):
    """Runs commands."""

    async def run(self, command: Command, output: Output) -> int:
        """Run a command to its end and return its exit code.

        Args:
            output: gets what it prints, piece by piece.
        """


class Direct:
    """As a child of this process and as its user: where systemd does not run."""

    async def run(self, command: Command, output: Output) -> int:
        folder = Path(command.folder)
        async with started(command.argv, env=command.env, cwd=folder, errors=command.errors) as running:
            async for line in running.lines():
                output(line.decode("utf-8", "replace"))
            return await running.wait()


class InUnits:
    """In transient units of systemd."""

    async def run(self, command: Command, output: Output) -> int:
        try:
            async with started(systemd_run(command), errors=command.errors) as running:
                async for line in running.lines():
                    output(line.decode("utf-8", "replace"))
                return await running.wait()
        except BaseException:
            await asyncio.shield(asyncio.to_thread(_stop, command.unit))
            raise


def systemd_run(command: Command) -> list[str]:
    """The command line that runs a command in its unit."""
    limits = command.limits
    properties = {
        "WorkingDirectory": command.folder,
        "RuntimeMaxSec": str(command.seconds + 30),
        "KillMode": "control-group",
        "TimeoutStopSec": "10",
        "SyslogIdentifier": "nuwa-hook",
        "OOMPolicy": "kill",
        "TasksMax": str(limits.pids or PIDS),
        "User": command.user,
        "MemoryHigh": str(limits.memory_high or ""),
        "MemoryMax": str(limits.memory_max or ""),
        "CPUQuota": f"{round(limits.cpu * 100)}%" if limits.cpu else "",
        "CPUWeight": str(limits.cpu_weight or ""),
        "IOWeight": str(limits.io_weight or ""),
    }
    argv = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
    argv += [f"--unit={command.unit}", f"--slice={naming.HOOKS_SLICE}"]
    argv += [f"--property={name}={value}" for name, value in properties.items() if value]
    argv += [f"--setenv={name}={value}" for name, value in command.env.items()]
    return [*argv, "--", *command.argv]


def choose() -> Executor:
    """Units where systemd runs."""
    return InUnits() if Path("/run/systemd/system").is_dir() and shutil.which("systemd-run") else Direct()


async def end_leftovers() -> None:
    """End what commands of an earlier agent left running."""
    if Path("/run/systemd/system").is_dir():
        await asyncio.to_thread(_stop, "nuwa-hook@*")


def _stop(unit: str) -> None:
    with contextlib.suppress(OSError):
        run(["systemctl", "stop", "--quiet", "--", unit], check=False, timeout=60)


def environment(given: Mapping[str, str], *, own: bool = False) -> dict[str, str]:
    """What a command finds in its environment, besides what the hook says.

    Args:
        own: whether it is nuwa itself, which finds its parts as the agent does.
    """
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    names = (*PROXIES, *OWN) if own else PROXIES
    passed = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": path, "LANG": "C.UTF-8", **passed, **given}
