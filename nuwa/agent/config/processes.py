"""How systemd runs a plain process: its command line, its folder, its environment. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from nuwa.agent.config.model import Process

RUNTIMES = {".js": "node", ".mjs": "node", ".cjs": "node", ".py": "python3", ".sh": "sh", ".rb": "ruby"}
"""The interpreter of a script that is not executable, by its extension."""


def absolute(path: str, base: str) -> str:
    """A path in the configuration as an absolute path."""
    return posixpath.normpath(posixpath.join(base, path))


def script_path(process: Process, base: str) -> str:
    return absolute(process.script, base)


def folder(process: Process, base: str) -> str:
    """The working directory of a process."""
    return absolute(process.cwd, base) if process.cwd else posixpath.dirname(script_path(process, base))


def argv(process: Process, base: str, *, executable: bool) -> tuple[str, ...]:
    """The command line of a process; empty if no interpreter for its script is known.

    Args:
        base: the configuration's folder.
        executable: whether the script is executable.
    """
    script = script_path(process, base)
    runtime = process.runtime
    if "/" in runtime:
        runtime = absolute(runtime, base)
    if not runtime and not executable:
        runtime = RUNTIMES.get(posixpath.splitext(script)[1], "")
        if not runtime:
            return ()
    return (*([runtime] if runtime else []), script, *arguments(process.args))


def arguments(args: Any) -> list[str]:
    """One argument per item of a list; any other value is one argument, as JSON. Strings stay as they are."""
    items = args if isinstance(args, (list, tuple)) else [args]
    return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]


def port_variables(ports: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Variables with an instance's ports: PORT, PORT_1 …; the configured environment overrides them."""
    return tuple(("PORT" if index == 0 else f"PORT_{index}", str(port)) for index, port in enumerate(ports))
