"""Every version and checksum of what images are made of: `images/pins.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from nuwa.resources import IMAGES


@cache
def pins() -> dict[str, Any]:
    return tomllib.loads((IMAGES / "pins.toml").read_text())


def source_date_epoch() -> int:
    """The time that every file of the shared layers carries, in seconds since 1970."""
    return int(pins()["source_date_epoch"])
