"""A lab of two hosts, for what needs a second one. The tests of `e2e` have a host of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e.conftest import SUFFIX
from nuwa.console import Plain
from nuwa.engine import Engine
from nuwa.lab import lifecycle
from nuwa.lab.model import HostState, Lab

PAIR = Lab(f"e2elab{SUFFIX}")


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.detect()


@pytest.fixture(scope="session")
def pair(engine: Engine) -> Iterator[list[HostState]]:
    """A lab of two hosts that log in to each other."""
    yield lifecycle.reset(engine, Plain(), PAIR, 2)
    if not os.environ.get("NUWA_KEEP_LAB"):
        lifecycle.down(engine, Plain(), PAIR)
