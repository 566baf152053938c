"""Where the data folders lie: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    packed = PACKAGE / "_data" / name
    return packed if packed.is_dir() else PACKAGE.parent / name


IMAGES = _folder("images")
TEMPLATES = _folder("templates")
BIN_TEMPLATES = _folder("bin-templates")
