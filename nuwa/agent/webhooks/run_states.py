"""What is told of a run while it is under way, to those who write it down or send it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunState:
    """A run that began its work, or came to its end.

    Args:
        commit: what it brings in; empty while that is unknown.
        state: `running`, or what it ended in.
        services: those that it restarted or deployed.
        step: the command that failed.
        remote: the address that git fetches from, where somebody asks for it.
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
