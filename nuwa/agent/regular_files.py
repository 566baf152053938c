"""Files in folders of somebody else: read only where they are plain files, and never more than a limit."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO


def read(path: Path, most: int) -> bytes:
    """The content of a file that its owner may exchange at any time.

    A FIFO, a device or a link in its place is not opened for reading, so nobody waits and nothing happens.

    Args:
        most: bytes; a larger file is refused.

    Raises:
        OSError: it is not a regular file, is too large, or cannot be read.
    """
    with _opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{path} is larger than {most} bytes")
    return content


def tail(path: Path, most: int) -> bytes:
    """The last bytes of such a file, which may be a log of any length.

    Raises:
        OSError: it is not a regular file, or cannot be read.
    """
    with _opened(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


def fingerprint(path: Path, most: int) -> str:
    """What a file is recognised by: another text where it changed; empty where there is none.

    A link and a file of more than `most` bytes are known by size, time and place on the disk.
    """
    try:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= most:
            return hashlib.sha256(read(path, most)).hexdigest()
        target = path.stat() if stat.S_ISLNK(status.st_mode) else status
        link = path.readlink() if stat.S_ISLNK(status.st_mode) else ""
    except OSError:
        return ""
    return f"{link} {target.st_dev} {target.st_ino} {target.st_size} {target.st_mtime_ns}"


def _opened(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is not a regular file")
    return os.fdopen(handle, "rb")
