"""Files that are complete at all times: written next to the old one, flushed, and renamed over it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write(path: Path, content: str | bytes, *, mode: int = 0o644, group: int = -1) -> None:
    """Replace a file in one step; a reader sees the old content or the new, also after a power cut.

    Args:
        mode: permissions of the file.
        group: the id of its group; -1: the writer's own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _flush_folder(path.parent)


def write_json(path: Path, value: Any, *, mode: int = 0o644, group: int = -1) -> None:
    write(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n", mode=mode, group=group)


def read_json(path: Path, default: Any = None) -> Any:
    """The content of a JSON file; `default` if it does not exist or is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return default


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
