"""SQLite files in volumes: consistent copies while the app writes, and their restoration."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from nuwa.render.beneath import (
    VolumeError,
    chunks,
    folder_beneath,
    is_regular,
    printable,
    regular_file,
    top_folder,
)

MAGIC = b"SQLite format 3\0"
PAGE_BYTES = 512
"""Pages have 512 bytes or a multiple of it: most other files are ruled out by their size alone."""
BUSY_TIMEOUT_S = 60
ENDINGS = (b"", b"-wal", b"-shm", b"-journal")
UNFINISHED = b".nuwa-sqlite.new"
"""The suffix of a file that is being written into a volume, next to the one that it will replace."""
ACLS = ("system.posix_acl_access", "system.posix_acl_default")
PERMISSIONS = 0o777
"""Bits of a mode that are copied: none that would give a file another user's rights."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def dump(to: str, volumes: Mapping[bytes, str]) -> Iterator[tuple[bytes, os.stat_result]]:
    """Copy each SQLite file to TO/NAME/PATH; yields its NAME/PATH and the status of the original.

    It runs as the app's user, so that files which SQLite creates next to a database belong to the app, and a
    malicious database can do no harm.

    Raises:
        VolumeError: a database cannot be copied.
    """
    for volume, folder in volumes.items():
        top = os.fsencode(folder)
        for path, status in _databases(top):
            name = volume + b"/" + path
            target = Path(to, os.fsdecode(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(top + b"/" + path, target, name)
            with target.open("rb") as made, top_folder(folder) as opened:
                above, _, last = path.rpartition(b"/")
                with folder_beneath(opened, above) as place, regular_file(place, last) as file:
                    _copy_acl(file, made.fileno())
            yield name, status


def _databases(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    for folder, _, names, opened in os.fwalk(top):
        for name in names:
            with suppress(OSError, VolumeError):
                size = os.lstat(name, dir_fd=opened).st_size
                if not size or size % PAGE_BYTES:
                    continue
                with regular_file(opened, name) as file:
                    if os.read(file, len(MAGIC)) != MAGIC:
                        continue
                    status = os.fstat(file)
                yield (folder + b"/" + name)[len(top) + 1 :], status


def _copy(source: bytes, target: Path, name: bytes) -> None:
    import sqlite3  # some Pythons lack it, and nothing else in the renderer needs it

    try:
        with (  # noqa: SIM117 - Python 3.9 does not allow parentheses here
            closing(sqlite3.connect(os.fsdecode(source), timeout=BUSY_TIMEOUT_S)) as old
        ):
            with closing(sqlite3.connect(target)) as new:
                old.backup(new)
    except sqlite3.Error as error:
        if type(error) is not sqlite3.DatabaseError:
            raise VolumeError(f"{printable(name)!r}: {error}") from None
        sys.stderr.write(f"{printable(name)!r} is not a complete database ({error}): copied as it is\n")
        folder, _, last = source.rpartition(b"/")
        with top_folder(os.fsdecode(folder)) as opened, regular_file(opened, last) as file:  # noqa: SIM117 - Python 3.9 does not allow parentheses here
            with target.open("wb") as copy:
                for chunk in chunks(file):
                    copy.write(chunk)


def _copy_acl(file: int, made: int) -> None:
    """Give a copy the ACL of its original, or none, instead of its folder's default ACL."""
    try:
        found = os.getxattr(file, ACLS[0])
    except OSError:
        with suppress(OSError):
            os.removexattr(made, ACLS[0])
    else:
        os.setxattr(made, ACLS[0], found)


def restore(source: str, volumes: Mapping[bytes, str]) -> None:
    """Write the copies SOURCE/NAME/PATH to their places in the volumes, with their owner, mode and time.

    Raises:
        VolumeError: a copy has no place, or is not a file; nothing was written.
    """
    with top_folder(source) as top:
        copies = list(_copies(os.fsencode(source)))
        for path in copies:
            with _place(path, volumes):
                pass
        for path in copies:
            above, _, name = path.rpartition(b"/")
            with folder_beneath(top, above) as folder, regular_file(folder, name) as copy:  # noqa: SIM117 - Python 3.9 does not allow parentheses here
                with _place(path, volumes) as place:
                    _put(copy, place, name)


def _copies(top: bytes) -> Iterator[bytes]:
    for folder, _, names, opened in os.fwalk(top):
        for name in names:
            path = (folder + b"/" + name)[len(top) + 1 :]
            if not is_regular(opened, name):
                raise VolumeError(f"{printable(path)!r} is not a regular file: refused")
            yield path


@contextmanager
def _place(path: bytes, volumes: Mapping[bytes, str]) -> Iterator[int]:
    """The open folder in a volume to which a copy belongs."""
    volume, _, inside = path.partition(b"/")
    if volume not in volumes or not inside:
        raise VolumeError(f"{printable(path)!r} is not in a volume of this app: refused")
    try:
        with top_folder(volumes[volume]) as top, folder_beneath(top, inside.rpartition(b"/")[0]) as folder:
            yield folder
    except (FileNotFoundError, NotADirectoryError):
        above = printable(path.rpartition(b"/")[0])
        raise VolumeError(
            f"volumes/{above} is missing or is a link, so {printable(path)!r} cannot be restored"
        ) from None


def _put(copy: int, folder: int, name: bytes) -> None:
    """Replace a file atomically: written next to the old one, then renamed over it."""
    _remove(folder, UNFINISHED)
    status = os.fstat(copy)
    made = os.open(UNFINISHED, _NEW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(made, "wb", closefd=False) as file:
            for chunk in chunks(copy):
                file.write(chunk)
        os.fchown(made, status.st_uid, status.st_gid)
        os.fchmod(made, status.st_mode & PERMISSIONS)
        _copy_acl(copy, made)
        os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(made)
    finally:
        os.close(made)
    for ending in ENDINGS:
        _remove(folder, name + ending)
    os.rename(UNFINISHED, name, src_dir_fd=folder, dst_dir_fd=folder)


def _remove(folder: int, name: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
