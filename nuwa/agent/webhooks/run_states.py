"""The state of a run, for those who record it or send it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunState:
    """A run that began or ended.

    Args:
        commit: its commit; empty while that is unknown.
        state: `running`, or its final state.
        services: those that it restarted or deployed.
        step: the command that failed.
        remote: the address that git fetches from, if it is needed.
    """

    run: int
    hook: str
    commit: str
    state: str
    services: tuple[str, ...] = ()
    duration: float = 0.0
    step: str = ""
    remote: str = ""


Told = Callable[[RunState], object]
