"""What nuwa's package is called, where its data folders lie (in a wheel, inside it), and nuwa's cache."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DISTRIBUTION = "nuwa-images"
"""What the package is called: the index must not know a package of that name, which a test proves."""


def _folder(name: str) -> Path:
    packed = PACKAGE / "_data" / name
    return packed if packed.is_dir() else PACKAGE.parent / name


IMAGES = _folder("images")
TEMPLATES = _folder("templates")
BIN_TEMPLATES = _folder("bin-templates")


def cache_folder() -> Path:
    """Where nuwa keeps what it can find out again (XDG base directories); it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nuwa"
