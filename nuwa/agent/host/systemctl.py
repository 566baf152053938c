"""systemctl: one call for many units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nuwa.errors import NuwaError
from nuwa.process import run

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "ExecMainStatus",
    "NRestarts",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "ControlGroup",
)
JOB_TIMEOUT_S = 180
"""Seconds that a start or stop may take; systemd has its own, shorter limits."""

QUERY_TIMEOUT_S = 60
"""Seconds that an answer may take: systemd reads units that are not loaded from disk."""
UNITS_PER_QUERY = 100
"""Maximum number of units per call: five hundred take long on a busy host."""

Properties = dict[str, str]


def show(units: Sequence[str]) -> dict[str, Properties]:
    """The properties of units, by name; for an unknown one, LoadState is `not-found`.

    Raises:
        NuwaError: systemd does not respond.
    """
    names = f"--property={','.join(PROPERTIES)}"
    found: dict[str, Properties] = {}
    for first in range(0, len(units), UNITS_PER_QUERY):
        argv = ["systemctl", "show", names, "--", *units[first : first + UNITS_PER_QUERY]]
        result = run(argv, check=False, timeout=QUERY_TIMEOUT_S)
        if not result.ok:
            raise NuwaError("systemd does not respond", details=result.stderr.strip())
        blocks = map(_pairs, result.stdout.split("\n\n"))
        found.update({block["Id"]: block for block in blocks if "Id" in block})
    return found


def states(units: Sequence[str]) -> dict[str, tuple[str, str]]:
    """ActiveState and SubState of units, which is much cheaper than all their properties.

    A unit that is not loaded, because it is not running and never failed, is missing.
    """
    if not units:
        return {}
    argv = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager", "--full"]
    rows = [
        line.split(None, 4)
        for line in run([*argv, "--", *units], timeout=QUERY_TIMEOUT_S).stdout.splitlines()
    ]
    return {row[0]: (row[2], row[3]) for row in rows if len(row) > 3}


def _pairs(block: str) -> Properties:
    return dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)


def there(units: Sequence[str]) -> list[str]:
    """The units that systemd knows; it refuses to stop others."""
    found = show(units)
    return [unit for unit in units if found.get(unit, {}).get("LoadState", "not-found") != "not-found"]


def start(units: Iterable[str], *, block: bool = True) -> None:
    _call("start", units, block)


def stop(units: Iterable[str], *, block: bool = True) -> None:
    _call("stop", units, block)


def restart(units: Iterable[str], *, block: bool = True) -> None:
    _call("restart", units, block)


def reload_or_start(unit: str) -> None:
    _call("reload-or-restart", [unit], True)


def enable(units: Iterable[str]) -> None:
    """Enable units at boot; `reload` must follow, or systemd forgets those that are stopped."""
    _call("enable", units, True, "--no-reload")


def disable(units: Iterable[str]) -> None:
    _call("disable", units, True, "--no-reload")


def forget_failure(units: Iterable[str]) -> None:
    run(["systemctl", "reset-failed", "--", *units], check=False)


def reload() -> None:
    """Have systemd reload its units."""
    run(["systemctl", "daemon-reload"], timeout=JOB_TIMEOUT_S)


def is_active(unit: str) -> bool:
    return run(["systemctl", "is-active", "--quiet", "--", unit], check=False).ok


def _call(verb: str, units: Iterable[str], block: bool, *options: str) -> None:
    names = list(units)
    if names:
        quiet = ["--quiet", *([] if block else ["--no-block"]), *options]
        run(["systemctl", *quiet, verb, "--", *names], timeout=JOB_TIMEOUT_S)
