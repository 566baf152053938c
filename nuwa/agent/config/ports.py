"""Ports that nuwa chooses: a fixed one, and one for each slot, so that two instances can run at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nuwa.errors import NuwaError
from nuwa.names import SLOTS

FIRST, LAST = 20000, 29999
"""Below the range that the kernel hands out to outgoing connections."""


@dataclass(frozen=True)
class PortSet:
    """The ports of one entry in a process's `ports`; all three are the same for a fixed port."""

    front: int
    """The port of the service for others, whichever slot serves: nginx listens there."""
    blue: int
    green: int

    def of(self, slot: str) -> int:
        return self.blue if slot == SLOTS[0] else self.green

    @property
    def chosen(self) -> bool:
        return self.blue != self.green


Allocation = dict[str, tuple[PortSet, ...]]
"""The ports of each service, by its name."""


def allocate(
    wanted: Mapping[str, Sequence[object]], before: Allocation, taken: Collection[int]
) -> Allocation:
    """Ports for every service that asks for some; earlier ones are kept.

    Args:
        wanted: the `ports` of each process: numbers, or "auto" for nuwa to choose.
        taken: ports that something else listens on.

    Raises:
        NuwaError: no port is free.
    """
    fixed = {port for ports in wanted.values() for port in ports if isinstance(port, int)}
    kept = {port for name in wanted for ports in before.get(name, ()) for port in asdict(ports).values()}
    free = (port for port in range(FIRST, LAST + 1) if port not in fixed | kept and port not in taken)
    made: Allocation = {}
    for name, ports in wanted.items():
        earlier = [
            item for item in before.get(name, ()) if item.chosen and not fixed & set(asdict(item).values())
        ]
        made[name] = tuple(
            PortSet(port, port, port)
            if isinstance(port, int)
            else (earlier.pop(0) if earlier else _choose(free))
            for port in ports
        )
    return made


def _choose(free: Any) -> PortSet:
    try:
        return PortSet(next(free), next(free), next(free))
    except StopIteration:
        raise NuwaError(
            f"no port from {FIRST} to {LAST} is free", hint="Give the services fixed ports elsewhere."
        ) from None


def to_json(allocation: Allocation) -> dict[str, Any]:
    return {name: [asdict(item) for item in ports] for name, ports in allocation.items()}


def from_json(value: Any) -> Allocation:
    """The result of `to_json`; anything else counts as empty."""
    if not isinstance(value, dict):
        return {}
    try:
        return {name: tuple(PortSet(**item) for item in ports) for name, ports in value.items()}
    except TypeError:
        return {}
