"""Fills empty claims with what the image has at their paths, before a pod's app starts.

It runs as the app's user, who owns the files that it creates. Several pods may start at once: a lock on the
claim lets only one of them copy. An interrupted copy leaves a folder, by which it is recognised and repeated.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from nuwa.names import APP_ID

HALF_DONE = ".nuwa-first-content"
IGNORED = {HALF_DONE, "lost+found"}


def main(words: Sequence[str]) -> None:
    """`first-content FROM=CLAIM…`: exits with 1 and one line where a claim cannot be filled."""
    for word in words:
        source, _, claim = word.rpartition("=")
        try:
            if fill(Path(source), Path(claim)):
                sys.stderr.write(f"first-content: filled the claim of {source}\n")
        except (OSError, shutil.Error) as error:
            sys.exit(
                f"first-content: {source}: {error}. Make the claim writable for the group {APP_ID} (fsGroup)."
            )


def fill(source: Path, claim: Path) -> bool:
    """Copy a folder's content into an empty claim. Returns whether it did."""
    with _Lock(claim):
        half = claim / HALF_DONE
        if not half.exists() and any(path.name not in IGNORED for path in claim.iterdir()):
            return False
        shutil.rmtree(half, ignore_errors=True)
        entries = sorted(source.iterdir()) if source.is_dir() else []
        if not entries:
            return False
        half.mkdir()
        for entry in entries:
            _copy(entry, half / entry.name)
        for entry in sorted(half.iterdir()):
            _replace(entry, claim / entry.name)
        half.rmdir()
        return True


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _replace(source: Path, target: Path) -> None:
    """Move `source` over `target`, removing the folder of an earlier attempt first: it cannot be replaced."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    source.replace(target)


class _Lock:
    """Holds a lock on a folder without creating a file in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._opened = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._opened, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._opened)
