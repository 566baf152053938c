"""Opens files in a folder that somebody else owns.

A volume belongs to the app, which may replace anything in it with a link, a pipe or another folder at any
moment. So nothing is opened by its whole path: each parent folder is opened through the descriptor of the one
above it, never through a link, and a file only if it is a regular file, and without blocking.

Names are bytes: file names of an app need not be text.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK_BYTES = 1024 * 1024

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class VolumeError(Exception):
    """The reason why the operation is impossible, as one line for the operator."""


@contextmanager
def top_folder(path: str) -> Iterator[int]:
    """The folder at which a volume is mounted: the app cannot change that path."""
    opened = os.open(path, _FOLDER)
    try:
        yield opened
    finally:
        os.close(opened)


@contextmanager
def folder_beneath(top: int, path: bytes) -> Iterator[int]:
    """The folder at a relative path below the open folder `top`.

    Raises:
        OSError: it is missing, or a link is on the way.
        VolumeError: the path leads upwards.
    """
    held = os.dup(top)
    try:
        for part in filter(None, path.split(b"/")):
            if part in (b".", b".."):
                raise VolumeError(f"{printable(path)!r} points outside its volume")
            below = os.open(part, _FOLDER, dir_fd=held)
            os.close(held)
            held = below
        yield held
    finally:
        os.close(held)


@contextmanager
def regular_file(folder: int, name: bytes) -> Iterator[int]:
    """A file in an open folder, for reading.

    Raises:
        OSError: there is none, or it cannot be read.
        VolumeError: it is a link, a pipe, a device or the like.
    """
    # Opening a device may have effects. A file that becomes one after this check does not block us.
    if not is_regular(folder, name):
        raise VolumeError(f"{printable(name)!r} is not a regular file")
    found = os.open(name, _FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise VolumeError(f"{printable(name)!r} is not a regular file")
        yield found
    finally:
        os.close(found)


def is_regular(folder: int, name: bytes) -> bool:
    """Whether a name in an open folder is that of a regular file. Raises OSError where there is none."""
    return stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode)


def chunks(file: int) -> Iterator[bytes]:
    """The rest of an open file."""
    while chunk := os.read(file, CHUNK_BYTES):
        yield chunk


def printable(name: bytes) -> str:
    """A name for a message, without control sequences for terminals."""
    return shown(os.fsdecode(name))


def shown(text: str) -> str:
    """Text without control characters and undecodable bytes."""
    return "".join(
        sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in text
    )
