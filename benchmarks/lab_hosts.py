"""Fresh lab hosts for a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nuwa.console import Plain
from nuwa.engine import Engine
from nuwa.lab import lifecycle
from nuwa.lab.model import HostState, Lab


@contextmanager
def lab_hosts(engine: Engine, name: str, count: int = 1) -> Iterator[list[HostState]]:
    """The hosts of a lab with this name, which are removed after the block."""
    lab = Lab(name)
    try:
        yield lifecycle.reset(engine, Plain(), lab, count)
    finally:
        lifecycle.down(engine, Plain(), lab)
