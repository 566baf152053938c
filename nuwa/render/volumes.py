"""The renderer's commands for volumes, run in a container that has only those volumes.

Volumes are arguments of the form NAME=FOLDER; lists of names are read on standard input, a NUL after each.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from nuwa.render import initial_content, sqlite_copies
from nuwa.render.beneath import VolumeError, chunks, is_regular, printable, regular_file, shown

COMPARE_TIMEOUT_S = 60
"""For one whole volume. alarm(2) stops a longer run, wherever it blocks."""


def main(what: str, words: list[str]) -> None:
    """Run one of the `COMMANDS`. Exits with 1 and one line if that fails."""
    try:
        COMMANDS[what](words)
    except (VolumeError, OSError) as error:
        sys.exit(shown(str(error)))


def _compare(words: list[str]) -> None:
    """`compare NAME=FOLDER NEW`: see `initial_content.compare`; names on standard input."""
    signal.alarm(COMPARE_TIMEOUT_S)
    [(volume, folder)] = _volumes(words[:1]).items()
    for line in initial_content.compare(volume, folder, words[1], _names()):
        sys.stdout.write(f"{line}\n")


def _sqlite_dump(words: list[str]) -> None:
    """`sqlite-dump TO NAME=FOLDER…`: prints mode (octal), owner, group and NAME/PATH of each, then a NUL."""
    for name, status in sqlite_copies.dump(words[0], _volumes(words[1:])):
        facts = f"{status.st_mode & sqlite_copies.PERMISSIONS:o} {status.st_uid} {status.st_gid} "
        sys.stdout.buffer.write(facts.encode() + name + b"\0")


def _sqlite_restore(words: list[str]) -> None:
    """`sqlite-restore FROM NAME=FOLDER…`."""
    sqlite_copies.restore(words[0], _volumes(words[1:]))


def _no_acl(words: list[str]) -> None:
    """`no-acl FOLDER`: removes its ACLs, so that new entries get the mode with which they are created."""
    for name in sqlite_copies.ACLS:
        with suppress(OSError):
            os.removexattr(words[0], name)


def _sums(words: list[str]) -> None:
    """`sums NAME=FOLDER…`: the sha256 of each regular file `volumes/NAME/PATH`, as sha256sum writes them.

    Names on standard input are left out. Files that vanish meanwhile are ignored; unreadable ones are
    reported on standard error.
    """
    left_out = set(_names())
    for volume, folder in _volumes(words).items():
        top = os.fsencode(folder)
        for where, _, names, opened in os.fwalk(top):
            for name in names:
                path = b"volumes/" + volume + (where + b"/" + name)[len(top) :]
                if path not in left_out:
                    sys.stdout.buffer.writelines(_sum(opened, name, path))


def _sum(folder: int, name: bytes, path: bytes) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        if not is_regular(folder, name):
            return
        with regular_file(folder, name) as file:
            for chunk in chunks(file):
                digest.update(chunk)
    except (FileNotFoundError, VolumeError):
        return
    except OSError as error:
        sys.stderr.write(f"{printable(path)}: {error.strerror}\n")
        return
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    yield (b"\\" if escaped != path else b"") + digest.hexdigest().encode() + b"  " + escaped + b"\n"


def _volumes(words: list[str]) -> dict[bytes, str]:
    pairs = (word.split("=", 1) for word in words)
    return {os.fsencode(name): folder for name, folder in pairs}


def _names() -> list[bytes]:
    return [name for name in sys.stdin.buffer.read().split(b"\0") if name]


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "compare": _compare,
    "no-acl": _no_acl,
    "sqlite-dump": _sqlite_dump,
    "sqlite-restore": _sqlite_restore,
    "sums": _sums,
}
