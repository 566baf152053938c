"""Static files for export from the image, with timestamps that tell nginx what it cannot see otherwise.

All files of an image have the same time, and nginx derives `ETag` and `Last-Modified` from time and length.
So a changed file of the same length would be taken for the previous one. Here each file gets a time derived
from its content, always in the past: the same content has the same time in every release, other content
another one.

The time also tells whether the name changes with the content, so that a browser may cache the file forever:
then it is in the 1980s or 1990s. The site's configuration tests `Last-Modified` for that, and needs no list.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO

HASHED_SINCE_S = 315532800
"""1980-01-01: the first time for files whose name changes with their content."""
OTHERS_SINCE_S = 946684800
"""2000-01-01: the first time for all others."""
SPAN_S = 1 << 29
"""The range of the times in seconds, 17 years: neither range reaches the other, or the present."""
_PACKED = (".gz", ".br", ".zst")
"""Suffixes of compressed copies, which are treated like their original."""
_READ = 1 << 20

_HEX = re.compile(r"(?:^(?=.{16})|[.-])(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{8,64}(?:\.(?:bundle|chunk|min))?$")
"""webpack, parcel, Django; a date has no letters, a word no digits. webpack names images by a hash alone."""
_CHUNK = re.compile(r"^chunk-[A-Z2-7]{8}$")
"""esbuild's shared chunks."""
_TOKEN = re.compile(r"[.-]([A-Za-z0-9_-]{8,64})$")
_SHORT = re.compile(r"-([A-Za-z0-9_-]{8})$")
"""vite, rollup and esbuild by default: base64url or base32, which a word can resemble."""
_SOURCES = {".js", ".mjs", ".css"}
_MANIFESTS = ("staticfiles.json", "manifest.json", "asset-manifest.json")
"""Manifests of Django, vite and webpack: names in them change with the content if they contain a token."""
_MAX_MANIFEST_BYTES = 16 << 20


def pack(root: Path, out: IO[bytes]) -> None:
    """Write a tar of the files below a folder, with these times."""
    names = {path.relative_to(root).as_posix() for path in files(root)}
    hashed = hashed_files(root, names)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            entry = archive.gettarinfo(str(path), name)
            if entry is not None and name in names:
                # Otherwise a hard link would have no content.
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
                entry.mtime = time_of(path, is_hashed=name in hashed)
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            elif entry is not None and (entry.isdir() or entry.issym()):
                archive.addfile(entry)


def hashed_files(root: Path, names: Collection[str]) -> set[str]:
    """The files below a folder whose name changes with their content, including compressed copies."""
    found = find_hashed(names, _listed(root, names))
    return {name for name in names if _original(name) in found}


def time_of(path: Path, *, is_hashed: bool) -> int:
    """The time of a file, in Unix seconds, derived from its content."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        for part in iter(lambda: content.read(_READ), b""):
            digest.update(part)
    spread = int.from_bytes(digest.digest()[:8], "big") % SPAN_S
    return (HASHED_SINCE_S if is_hashed else OTHERS_SINCE_S) + spread


def find_hashed(names: Collection[str], listed: Collection[str] = ()) -> set[str]:
    """The files whose name changes with their content.

    Args:
        names: paths below the folder of static files.
        listed: those of them that a manifest of a bundler or of Django lists as built from a source.
    """
    originals = {_original(name) for name in names}
    found = {name for name in listed if _TOKEN.search(PurePosixPath(name).stem)}
    found |= {name for name in originals if _has_form(PurePosixPath(name).stem)}
    rest = sorted((PurePosixPath(name) for name in originals - found), key=lambda path: (path.parent, path))
    for _, folder in groupby(rest, key=lambda path: path.parent):
        paths = [path for path in folder if path.suffix != ".map"]
        if _is_bundled(paths):
            found |= {str(path) for path in paths}
    return found


def _has_form(stem: str) -> bool:
    return bool(_HEX.search(stem) or _CHUNK.match(stem))


def _is_bundled(paths: list[PurePosixPath]) -> bool:
    """Whether vite, rollup or esbuild wrote a folder.

    If so, every file has a token, and those of scripts and styles look random. The form alone is not enough:
    `Inter-SemiBold.woff2` and `trip-IMG_1234.jpg` have it as well.
    """
    tokens = [match[1] for path in paths if (match := _SHORT.search(path.stem))]
    if len(tokens) < 2 or len(tokens) < len(paths):
        return False
    telling = [path.stem[-8:] for path in paths if path.suffix in _SOURCES]
    if not telling:
        return False
    changes = sum(map(_changes, telling)) / len(telling)
    if all(re.fullmatch(r"[A-Z2-7]{8}", token) for token in tokens):
        return changes >= 1
    return changes >= 3.5


def _changes(token: str) -> int:
    """How often a token changes between lower case, upper case and digits: 4.3 times if it is random."""
    return len(re.findall(r"(?=[a-z][A-Z0-9]|[A-Z][a-z0-9]|[0-9][A-Za-z])", token))


def _original(name: str) -> str:
    return next((name[: -len(ending)] for ending in _PACKED if name.endswith(ending)), name)


def files(root: Path) -> Iterator[Path]:
    """The regular files below a folder, at any depth."""
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _listed(root: Path, names: Collection[str]) -> set[str]:
    """The files that manifests list as built from a source with another name."""
    found = set()
    for name in names:
        path = PurePosixPath(name)
        if path.name in _MANIFESTS and (root / name).stat().st_size <= _MAX_MANIFEST_BYTES:
            folders = [path.parent, *([path.parent.parent] if path.parent.name == ".vite" else [])]
            for source, target in _made(_json(root / name)):
                for inside in {str(folder / target) for folder in folders} & set(names):
                    if PurePosixPath(source).name != PurePosixPath(inside).name:
                        found.add(inside)
    return found


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _made(manifest: object) -> Iterator[tuple[str, str]]:
    """Source and target of each entry: `paths` in Django's, `file` in vite's, plain pairs in webpack's."""
    if not isinstance(manifest, dict):
        return
    inner = next(
        (manifest[key] for key in ("paths", "files") if isinstance(manifest.get(key), dict)), manifest
    )
    for source, made in inner.items():
        target = made.get("file") if isinstance(made, dict) else made
        if isinstance(target, str):
            yield str(source), _relative(target)
        if isinstance(made, dict):
            for key in ("css", "assets"):
                for other in made.get(key) or () if isinstance(made.get(key), list) else ():
                    if isinstance(other, str):
                        yield "", other


def _relative(target: str) -> str:
    """webpack writes the path that the page requests, starting with `/` or `./`."""
    return target.lstrip("./") if target.startswith(("/", "./")) else target
