"""Where the agent keeps things."""

from __future__ import annotations

from pathlib import Path

from nuwa.agent.paths import Paths


def test_every_path_lies_below_the_root() -> None:
    paths = Paths(Path("/root-of-a-test"))
    for name in dir(Paths):
        if isinstance(getattr(Paths, name), property):
            assert str(getattr(paths, name)).startswith("/root-of-a-test/")
