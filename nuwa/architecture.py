"""Processor architectures: the kernel's names for them, and those in images."""

from __future__ import annotations

import os
from typing import Literal, get_args

Chosen = Literal["linux/amd64", "linux/arm64"]
"""Target platforms: an operating system and an architecture, as podman writes them."""
OFFERED: tuple[str, ...] = get_args(Chosen)

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
"""The output of `uname -m`, and the name in images."""


def of_machine(machine: str) -> str:
    """The name in images of the architecture that `uname -m` prints."""
    return _MACHINES.get(machine, machine)


def machine_of(architecture: str) -> str:
    """The kernel's name of an architecture: the opposite of `of_machine`."""
    return next((name for name, image in _MACHINES.items() if image == architecture), architecture)


def here() -> str:
    """This machine's architecture, as named in images."""
    return of_machine(os.uname().machine)


def chosen_or_own(chosen: Chosen | None) -> str:
    """The chosen architecture, or else this machine's."""
    return (chosen or "").rpartition("/")[2] or here()


def foreign(chosen: Chosen | None) -> str:
    """The chosen architecture if it differs from this machine's; otherwise empty."""
    wanted = chosen_or_own(chosen)
    return "" if wanted == here() else wanted
