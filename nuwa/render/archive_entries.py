"""Decides from an archive's list of entries whether it may be extracted, before anything is written.

Anyone who can write to a repository could have put anything into it: devices, files that run with the
rights of another user, links through which a later entry would be written outside the deployment.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from nuwa.names import APP_ID
from nuwa.render.beneath import CHUNK_BYTES, printable

_INSIDE = re.compile(rb"(bin|volumes/[^/]+)(/|\Z)")
_TOP = re.compile(rb"bin|volumes/[^/]+")
_UPWARDS = re.compile(rb"/\.?\.?/")
_PLAIN_ONLY = frozenset((b"bin", b"volumes/secrets", b"volumes/.nuwa"))
"""Data that the scripts themselves read and run: plain files and folders, and certificates' links."""
_CERTIFICATE_LINK = re.compile(
    rb"volumes/\.nuwa/tls/([^/]+ pairs|certbot/live/[^/]+/[^/]+ \.\./\.\./archive/[^/]+)/[^/]+"
)
"""Path and target: the link that switches certificates, and certbot's links."""
_CERTIFICATE_PLACE = re.compile(rb"volumes/\.nuwa/tls/([^/]+|certbot/live/[^/]+/[^/]+)")
_DISKS = b"volumes/.nuwa/disks"
"""Images of volumes' file systems, which root mounts: archives contain their files, never the images."""
_SET_ID = b"sS"


class RefusedError(Exception):
    """The reason why an archive must not be extracted, as one line that names the entry."""


@dataclass(frozen=True)
class Entry:
    """One entry, as `borg list` prints it.

    Args:
        mode: as in `ls -l`; the first letter is the type, `h` for a hard link to an earlier file.
        uid: user id, as printed.
        gid: group id, as printed.
        size: bytes.
        path: relative to the deployment's folder.
        target: a link's target; otherwise empty. None if the list does not include it.
    """

    mode: bytes
    uid: bytes
    gid: bytes
    size: int
    path: bytes
    target: bytes | None

    @property
    def kind(self) -> bytes:
        return self.mode[:1]


@dataclass(frozen=True)
class Contents:
    """The contents of an archive that was found harmless.

    Args:
        size: bytes of all files.
        entries: the number of entries.
        tops: `bin` and `volumes/NAME`, in the archive's order.
    """

    size: int
    entries: int
    tops: tuple[bytes, ...]


def read(stream: BinaryIO) -> Iterator[Entry]:
    """The entries of `borg list --format '{mode} {uid} {gid} {size} {path}{NUL}{source}{NUL}'`.

    Raises:
        RefusedError: the list has another format.
    """
    fields = _fields(stream)
    for head in fields:
        words = head.split(b" ", 4)
        if len(words) != 5 or not words[3].isdigit():
            raise RefusedError(f"{printable(head)}: this line of the list cannot be read")
        mode, uid, gid, size, path = words
        yield Entry(mode, uid, gid, int(size), path, next(fields, b""))


_RESTIC_KINDS = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "fifo": stat.S_IFIFO,
}
_GO_BITS = {1 << 23: stat.S_ISUID, 1 << 22: stat.S_ISGID, 1 << 20: stat.S_ISVTX}
"""Special bits of a mode in Go's encoding, which restic uses."""


def read_restic(stream: BinaryIO) -> Iterator[Entry]:
    """The entries of `restic ls --json`: one object per line, the snapshot first.

    The list includes links, but not their targets.

    Raises:
        RefusedError: the list has another format.
    """
    for line in stream:
        try:
            node = json.loads(line)
            if node.get("struct_type") == "snapshot" or node.get("message_type") == "snapshot":
                continue
            entry = _restic_entry(node)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RefusedError(f"{printable(line[:200])}: this line of the list cannot be read") from error
        # Only restic's list includes the parent folder of all volumes.
        if not (entry.path == b"volumes" and entry.kind == b"d"):
            yield entry


def _restic_entry(node: dict[str, Any]) -> Entry:
    kind, mode = _RESTIC_KINDS.get(node["type"], stat.S_IFCHR), int(node["mode"])
    bits = kind | mode & 0o777
    for go, ours in _GO_BITS.items():
        bits |= ours if mode & go else 0
    uid, gid = (str(int(node.get(key, 0))).encode() for key in ("uid", "gid"))
    path = str(node["path"]).encode(errors="surrogateescape").removeprefix(b"/")
    target = None if kind == stat.S_IFLNK else b""
    return Entry(stat.filemode(bits).encode(), uid, gid, int(node.get("size", 0)), path, target)


def _fields(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        raise RefusedError(f"{printable(rest)}: the list is incomplete")


def judge(entries: Iterable[Entry]) -> Contents:
    """The contents of an archive.

    Raises:
        RefusedError: it must not be extracted.
    """
    size = count = 0
    tops: dict[bytes, None] = {}
    links: set[bytes] = set()
    for entry in entries:
        reason = _fault(entry, links)
        if reason:
            raise RefusedError(f"{printable(entry.path)}: {reason}")
        if entry.kind == b"l":
            links.add(entry.path)
        if entry.kind == b"-":
            size += entry.size
        count += 1
        tops[_top(entry.path)] = None
    return Contents(size, count, tuple(tops))


def _fault(entry: Entry, links: set[bytes]) -> str:
    """Why an entry must not be extracted after entries with these links; empty if it may be."""
    if _strays(entry.path):
        return "it is outside bin/ and volumes/"
    if entry.kind not in (b"-", b"d", b"l", b"h", b"p"):
        return "it is a device or another special file"
    top = _top(entry.path)
    if b"\n" in top:
        return "its name contains a line break"
    if entry.path == top and entry.kind != b"d":
        return "it is not a folder"
    if top in _PLAIN_ONLY and not _is_plain(entry):
        return "it is not a regular file"
    if entry.path.startswith(_DISKS):
        return "it would be mounted as a file system"
    if entry.kind in (b"-", b"h") and _runs_as_another(entry):
        return "it is setuid or setgid"
    target = entry.target or b""
    if entry.kind == b"h" and (_strays(target) or target in links or _crosses(target, links)):
        return f"it is a link to {printable(target)}"
    return "it is behind a symbolic link" if _crosses(entry.path, links) else ""


def _strays(path: bytes) -> bool:
    return bool(_UPWARDS.search(b"/" + path + b"/")) or not _INSIDE.match(path)


def _top(path: bytes) -> bytes:
    found = _TOP.match(path)
    return found[0] if found else path


def _is_plain(entry: Entry) -> bool:
    if entry.kind == b"l":
        if entry.target is None:
            return bool(_CERTIFICATE_PLACE.fullmatch(entry.path))
        return bool(_CERTIFICATE_LINK.fullmatch(entry.path + b" " + entry.target))
    return entry.kind in (b"-", b"d")


def _runs_as_another(entry: Entry) -> bool:
    app = str(APP_ID).encode()
    return (entry.mode[3:4] in _SET_ID and entry.uid != app) or (
        entry.mode[6:7] in _SET_ID and entry.gid != app
    )


def _crosses(path: bytes, links: set[bytes]) -> bool:
    """Whether a parent folder is a symbolic link in this archive."""
    if not links:
        return False
    parts = path.split(b"/")
    return any(b"/".join(parts[:end]) in links for end in range(1, len(parts)))
