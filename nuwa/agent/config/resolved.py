"""A validated configuration with the ports that were chosen for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nuwa.agent.config.model import Config
from nuwa.agent.config.ports import Allocation
from nuwa.names import SLOTS

EMPTY = "{}\n"
"""The configuration of a host that has no file yet."""


@dataclass(frozen=True)
class Loaded:
    """An applied configuration.

    Args:
        revision: names the file's content.
        slots: the configuration as each slot sees it; only the services' own ports differ.
        ports: the ports of every process.
        base: the folder that relative paths start from.
    """

    revision: str
    slots: Mapping[str, Config]
    ports: Allocation
    base: str

    @property
    def config(self) -> Config:
        return self.slots[SLOTS[0]]


def revision(text: str) -> str:
    """A checksum of the file's content."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
