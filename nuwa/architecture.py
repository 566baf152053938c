"""Processor architectures: what the kernel calls them, and what images call them."""

from __future__ import annotations

import os
from typing import Literal, get_args

Chosen = Literal["linux/amd64", "linux/arm64"]
"""What images are built for: an operating system and an architecture, as podman writes them."""
OFFERED: tuple[str, ...] = get_args(Chosen)

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
"""What `uname -m` prints, and what images call it."""


def of_machine(machine: str) -> str:
    """What images call a machine of which `uname -m` prints that."""
    return _MACHINES.get(machine, machine)


def machine_of(architecture: str) -> str:
    """What the kernel of an architecture calls it: the opposite of `of_machine`."""
    return next((name for name, image in _MACHINES.items() if image == architecture), architecture)


def here() -> str:
    """The architecture of this machine, as images call it."""
    return of_machine(os.uname().machine)


def chosen_or_own(chosen: Chosen | None) -> str:
    """The architecture that was chosen, else this machine's."""
    return (chosen or "").rpartition("/")[2] or here()


def foreign(chosen: Chosen | None) -> str:
    """The architecture that was chosen, if it is another one than this machine's; else nothing."""
    wanted = chosen_or_own(chosen)
    return "" if wanted == here() else wanted
