"""Runs a hook's command: in a unit of its own, which can be limited, and stopped with all its children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nuwa import files
from nuwa.agent import naming
from nuwa.agent.config.model import Limits
from nuwa.process import run
from nuwa.process_async import started
from nuwa.quoting import environment_file

Output = Callable[[str], None]
DEFAULT_MAX_PIDS = 4096
"""Processes of a command that has no limit of its own: a compiler starts many."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
OWN = ("PATH", "PYTHONPATH", "NUWA_ROOT")


@dataclass(frozen=True)
class Command:
    """A command of a hook.

    Args:
        unit: the unit that it runs in.
        user: the user that runs it; empty: the agent's, root.
        seconds: after which it is stopped.
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
    """As a child of this process and as its user, if systemd is not running."""

    async def run(self, command: Command, output: Output) -> int:
        folder = Path(command.folder)
        async with started(command.argv, env=command.env, cwd=folder, errors=command.errors) as running:
            async for piece in running.pieces():
                output(piece)
            return await running.wait()


class InUnits:
    """In transient units of systemd.

    Args:
        folder: for the environments of commands; not on the command line, which every user can read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def run(self, command: Command, output: Output) -> int:
        env_file = self._folder / f"{command.unit}.env"
        try:
            _write_environment(env_file, command.env)
            async with started(systemd_run(command, env_file), errors=command.errors) as running:
                async for piece in running.pieces():
                    output(piece)
                return await running.wait()
        except BaseException:
            await asyncio.shield(asyncio.to_thread(_stop, command.unit))
            raise
        finally:
            env_file.unlink(missing_ok=True)


def _write_environment(path: Path, env: Mapping[str, str]) -> None:
    """Write a file for EnvironmentFile= that only root can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [environment_file(name, value) + "\n" for name, value in env.items()]
    files.write(path, "".join(lines), mode=0o600)


def systemd_run(command: Command, env_file: Path) -> list[str]:
    """The command line that runs a command in its unit; its limits are as in `templates/agent/limits.j2`."""
    limits = command.limits
    properties = {
        "WorkingDirectory": command.folder,
        "RuntimeMaxSec": str(command.seconds + 30),
        "KillMode": "control-group",
        "TimeoutStopSec": "10",
        "SyslogIdentifier": "nuwa-hook",
        "OOMPolicy": "kill",
        "TasksMax": str(limits.pids or DEFAULT_MAX_PIDS),
        "LimitNOFILE": str(limits.open_files or ""),
        "User": command.user,
        "MemoryLow": str(limits.memory_low or ""),
        "MemoryHigh": str(limits.memory_high or ""),
        "MemoryMax": str(limits.memory_max or ""),
        "MemorySwapMax": "0" if limits.memory_max else "",
        "CPUQuota": f"{round(limits.cpu * 100)}%" if limits.cpu else "",
        "CPUWeight": str(limits.cpu_weight or ""),
        "IOWeight": str(limits.io_weight or ""),
        "EnvironmentFile": str(env_file),
    }
    argv = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
    argv += [f"--unit={command.unit}", f"--slice={naming.HOOKS_SLICE}"]
    argv += [f"--property={name}={value}" for name, value in properties.items() if value]
    return [*argv, "--", *command.argv]


def choose(folder: Path) -> Executor:
    """Units if systemd is running, else child processes.

    Args:
        folder: for the environments of commands.
    """
    has_systemd = Path("/run/systemd/system").is_dir() and shutil.which("systemd-run")
    return InUnits(folder) if has_systemd else Direct()


async def end_leftovers(folder: Path) -> None:
    """Stop commands that an earlier agent left running, and remove their environments."""
    if Path("/run/systemd/system").is_dir():
        await asyncio.to_thread(_stop, "nuwa-hook@*")
    for path in folder.glob("*.env"):
        path.unlink(missing_ok=True)


def _stop(unit: str) -> None:
    with contextlib.suppress(OSError):
        run(["systemctl", "stop", "--quiet", "--", unit], check=False, timeout=60)


def environment(given: Mapping[str, str], *, own: bool = False) -> dict[str, str]:
    """The environment of a command, in addition to the hook's variables.

    Args:
        own: whether it is nuwa itself, which finds its modules as the agent does.
    """
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    names = (*PROXIES, *OWN) if own else PROXIES
    passed = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": path, "LANG": "C.UTF-8", **passed, **given}
