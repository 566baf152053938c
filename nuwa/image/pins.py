"""Versions and checksums of everything that images are made of: `images/pins.toml`.

NUWA_PINS names a file whose tables replace those of the same name, for files of another version or from
another source. It has to state every checksum as well: nothing is ever used unchecked.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nuwa.errors import BuildError
from nuwa.resources import IMAGES

REPLACED_BY = "NUWA_PINS"
"""The environment variable with the path of a file that replaces tables of pins.toml."""


@dataclass(frozen=True)
class Download:
    name: str
    sha256: str


@dataclass(frozen=True)
class Downloads:
    """Pinned files of one project and version."""

    version: str
    url: str
    """The address of the folder that contains them."""
    files: tuple[Download, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Their paths in a build."""
        return tuple(f"/tmp/{file.name}" for file in self.files)  # noqa: S108 - inside a build


def pins() -> dict[str, Any]:
    """The pins, including the replacements from NUWA_PINS.

    Raises:
        BuildError: that file cannot be read, or one of its tables does not have the form of pins.toml.
    """
    return _own() | replaced()


@cache
def _own() -> dict[str, Any]:
    return tomllib.loads((IMAGES / "pins.toml").read_text())


def replaced() -> dict[str, Any]:
    """The tables that NUWA_PINS replaces; a build prints a note for each.

    Raises:
        BuildError: the file cannot be read, or one of its tables does not have the form of pins.toml.
    """
    path = os.environ.get(REPLACED_BY, "")
    return _read(path) if path else {}


@cache
def _read(path: str) -> dict[str, Any]:
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BuildError(f"{REPLACED_BY}: {path} cannot be read: {error}") from None
    for name, table in tables.items():
        if not _is_complete(name, table):
            raise BuildError(
                f"{REPLACED_BY}: [{name}] of {path} cannot replace a table of nuwa's pins.toml",
                hint="A table is called as there (s6-overlay, miniforge, wkhtmltopdf) and has version, url "
                "and files, each file a name and the 64 digits of its sha256.",
            )
    return tables


def _is_complete(name: str, table: Any) -> bool:
    known = _own().get(name)
    if not (isinstance(known, dict) and "files" in known and isinstance(table, dict)):
        return False
    files = table.get("files")
    texts = all(isinstance(table.get(key), str) for key in ("version", "url"))
    return texts and isinstance(files, list) and all(map(_is_checked, files))


def _is_checked(file: Any) -> bool:
    if not isinstance(file, dict) or not isinstance(file.get("name"), str):
        return False
    return re.fullmatch("[0-9a-f]{64}", str(file.get("sha256", ""))) is not None


def source_date_epoch() -> int:
    """The time of every file of the shared layers, in seconds since 1970."""
    return int(pins()["source_date_epoch"])


def downloads(name: str, machine: str, release: str = "") -> Downloads:
    """The files of `name`, for a processor (`uname -m`) and a release if they depend on these."""
    pinned = pins()[name]
    fitting = [
        Download(file["name"], file["sha256"])
        for file in pinned["files"]
        if file.get("arch", machine) == machine and file.get("release", release) == release
    ]
    return Downloads(pinned["version"], pinned["url"], tuple(fitting))
