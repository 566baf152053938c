"""Opening what is in a folder that somebody else owns.

A volume belongs to the app, which may put a link, a pipe or another folder in the place of anything in it, at
any moment. So nothing in it is opened by a whole path: each folder on the way by the descriptor of the one
above it and never through a link, and a file only when it is a regular one, without waiting for anybody.

Names are bytes: what an app calls its files need not be text.
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
    """What keeps the work from being done, as one line for the operator."""


@contextmanager
def top_folder(path: str) -> Iterator[int]:
    """The folder that a container has mounted: its path is not the app's to change."""
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
    # Opening a device may do something. What becomes one between here and there does not make us wait.
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
    """A name for a message: nothing in it reaches a terminal as a command."""
    return shown(os.fsdecode(name))


def shown(text: str) -> str:
    """Text without control characters and halves of characters."""
    return "".join(
        sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in text
    )
