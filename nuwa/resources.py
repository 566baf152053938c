"""The name of nuwa's package, its data folders (in the package if it is from a wheel), and its cache."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DISTRIBUTION = "nuwa-images"
"""The distribution's name; a test makes sure that the public index has no package of that name."""


def _folder(name: str) -> Path:
    packed = PACKAGE / "_data" / name
    return packed if packed.is_dir() else PACKAGE.parent / name


IMAGES = _folder("images")
TEMPLATES = _folder("templates")
BIN_TEMPLATES = _folder("bin-templates")


def cache_folder() -> Path:
    """nuwa's cache for data that it can recreate (XDG base directories); the folder may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nuwa"
