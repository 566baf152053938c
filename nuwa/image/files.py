"""Files that are generated for an image, before they are in a build context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuwa.quoting import sh_argv


@dataclass(frozen=True)
class File:
    """A generated file."""

    content: bytes
    mode: int = 0o644

    @classmethod
    def text(cls, content: str, mode: int = 0o644) -> File:
        return cls(content.encode(), mode)


Files = Mapping[str, File]
"""Generated files by their absolute path in the image, such as `/usr/lib/nuwa/server.json`."""


def write(files: Files, root: Path) -> None:
    """Write generated files below `root`, which takes the place of the image's `/`."""
    for path, file in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)


def script(commands: Sequence[tuple[str, ...]]) -> File:
    """A script that runs commands one after the other and stops at the first that fails."""
    *before, last = (sh_argv(command) for command in commands)
    lines = ["#!/bin/sh", *(["set -e"] if before else []), *before, f"exec {last}"]
    return File.text("".join(f"{line}\n" for line in lines), 0o755)
