"""Compares a volume that already has content with the image's content for it: reported, never copied."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator

from nuwa.render.beneath import (
    CHUNK_BYTES,
    VolumeError,
    folder_beneath,
    printable,
    regular_file,
    shown,
    top_folder,
)

MAX_DIFF_BYTES = 256 * 1024
MAX_DIFF_LINES = 60


def compare(volume: bytes, folder: str, new: str, names: list[bytes]) -> Iterator[str]:
    """A line for each file that differs from the image's, followed by an indented diff.

    Args:
        volume: its name.
        folder: where it is mounted.
        new: a folder with what the image has for it.
        names: relative paths of the files to compare.
    """
    with top_folder(folder) as yours, top_folder(new) as theirs:
        for name in names:
            yield from _compared(printable(volume), name, yours, theirs)


def _compared(volume: str, name: bytes, yours: int, theirs: int) -> Iterator[str]:
    title = printable(name)
    above, _, last = name.rpartition(b"/")
    try:
        with folder_beneath(yours, above) as own, folder_beneath(theirs, above) as other:  # noqa: SIM117 - one line would be too long
            with regular_file(own, last) as old, regular_file(other, last) as new:
                if _same(old, new):
                    return
                yield f"the image's {title} for volumes/{volume} has changed since; yours is kept"
                titles = (f"volumes/{volume}/{title} (yours)", f"{title} (of the image)")
                yield from _difference(titles, old, new)
    except FileNotFoundError:
        yield f"the image has {title} for volumes/{volume}, which lacks it: it was not added"
    except (OSError, VolumeError):
        yield f"the image has {title} for volumes/{volume}, where it is not a readable file: left unchanged"


def _same(one: int, other: int) -> bool:
    if os.fstat(one).st_size != os.fstat(other).st_size:
        return False
    while chunk := os.read(one, CHUNK_BYTES):
        if os.read(other, CHUNK_BYTES) != chunk:
            return False
    return True


def _difference(titles: tuple[str, str], old: int, new: int) -> Iterator[str]:
    texts = [os.pread(file, MAX_DIFF_BYTES + 1, 0) for file in (old, new)]
    if any(len(text) > MAX_DIFF_BYTES or b"\0" in text or not text.strip() for text in texts):
        return
    before, after = ([shown(line) for line in text.decode(errors="replace").split("\n")] for text in texts)
    found = list(difflib.unified_diff(before, after, *titles, lineterm=""))
    yield from (f"    {line}" for line in found[:MAX_DIFF_LINES])
