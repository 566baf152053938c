"""Images that tests of this folder share: built once, and at the next run only where something changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from runtime_manifest import PROJECT, Kind, runtime_app

from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.image.build import Options, build


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.detect()


@pytest.fixture(scope="session")
def runtime_image(engine: Engine) -> Callable[[Kind], str]:
    """The id of the image of the runtime tests' app under a kind of server."""
    return cache(lambda kind: build(runtime_app(kind), PROJECT, Options(), engine, Quiet()).id)
