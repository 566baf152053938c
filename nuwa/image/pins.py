"""Every version and checksum of what images are made of: `images/pins.toml`."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from nuwa.resources import IMAGES


@dataclass(frozen=True)
class Download:
    name: str
    sha256: str


@dataclass(frozen=True)
class Downloads:
    """Pinned files of one maker and version."""

    version: str
    url: str
    """The folder that they lie in."""
    files: tuple[Download, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Where a build puts them."""
        return tuple(f"/tmp/{file.name}" for file in self.files)  # noqa: S108 - inside a build


@cache
def pins() -> dict[str, Any]:
    return tomllib.loads((IMAGES / "pins.toml").read_text())


def source_date_epoch() -> int:
    """The time that every file of the shared layers carries, in seconds since 1970."""
    return int(pins()["source_date_epoch"])


def downloads(name: str, release: str = "") -> Downloads:
    """The files of `name` for this machine's architecture and, where they differ by it, for a release."""
    pinned = pins()[name]
    fitting = [
        Download(file["name"], file["sha256"])
        for file in pinned["files"]
        if file.get("arch", platform.machine()) == platform.machine()
        and file.get("release", release) == release
    ]
    return Downloads(pinned["version"], pinned["url"], tuple(fitting))
