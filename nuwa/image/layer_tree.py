"""What a layer adds to an image: files from nuwa's folders, generated files, and the project, in one archive.

Owners, times and permissions are normalised, so that the same content always gives the same bits.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nuwa.image.files import Files


@dataclass(frozen=True)
class Entry:
    """One file, or one symbolic link, that a layer adds."""

    path: str
    """Absolute path in the image."""
    mode: int = 0o644
    source: Path | None = None
    """The file to copy; None: `content` is used."""
    content: bytes = b""
    link: str = ""
    """Target of a symbolic link; empty for a file."""

    def read(self) -> bytes:
        return self.source.read_bytes() if self.source else self.content


def folder(root: Path, below: str = "/") -> list[Entry]:
    """All files of one of nuwa's folders, with `below` before their paths; none if it does not exist.

    pip compiles all Python files of a package that it installs, including those for images: their bytecode
    is left out.
    """
    found = []
    for path in sorted(root.rglob("*")):
        if "__pycache__" in path.relative_to(root).parts:
            continue
        inside = f"{below.rstrip('/')}/{path.relative_to(root).as_posix()}"
        if path.is_symlink():
            found.append(Entry(inside, link=str(path.readlink())))
        elif path.is_file():
            found.append(Entry(inside, permissions(path), path))
    return found


def generated(files: Files) -> list[Entry]:
    return [Entry(path, file.mode, content=file.content) for path, file in files.items()]


def permissions(path: Path) -> int:
    """0755 for what its owner may execute, else 0644: everyone can read, only root can write."""
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644


def merge(*parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """One entry per path, sorted; an entry of a later part replaces an earlier one of the same path."""
    found = {entry.path: entry for part in parts for entry in part}
    return tuple(found[path] for path in sorted(found))


def digest(entries: Iterable[Entry]) -> str:
    """A checksum over all paths, permissions and contents."""
    whole = sha256()
    for entry in entries:
        content = sha256(entry.link.encode() if entry.link else entry.read()).hexdigest()
        kind = "link" if entry.link else f"{entry.mode:o}"
        whole.update(os.fsencode(f"{entry.path}\0{kind}\0{content}\0"))
    return whole.hexdigest()


def write_archive(entries: Iterable[Entry], file: Path, time: int) -> None:
    """Write a tar archive owned by root, with `time` (seconds since 1970) as the time of every entry."""
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as archive:
        made: set[str] = set()
        for entry in entries:
            for parent in _parents(entry.path):
                if parent not in made:
                    made.add(parent)
                    archive.addfile(_info(parent, time, tarfile.DIRTYPE, 0o755))
            _add(archive, entry, time)


def _parents(path: str) -> Iterator[str]:
    parts = path.strip("/").split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _add(archive: tarfile.TarFile, entry: Entry, time: int) -> None:
    name = entry.path.strip("/")
    if entry.link:
        info = _info(name, time, tarfile.SYMTYPE, 0o777)
        info.linkname = entry.link
        archive.addfile(info)
        return
    content = entry.read()
    info = _info(name, time, tarfile.REGTYPE, entry.mode)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _info(name: str, time: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, time
    info.uname = info.gname = "root"
    return info
