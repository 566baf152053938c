"""Reads a Setup label without running it: what it would write, and whether it is genuine."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from nuwa.errors import NuwaError
from nuwa.setup_label import write

_MAX_UNPACKED_BYTES = 4 * 1024 * 1024
"""Bytes that a label may unpack to; nuwa's own take a twentieth of that."""
_MAX_MEMORY_BYTES = 128 * 1024 * 1024
"""Bytes of memory that unpacking may take."""


@dataclass(frozen=True)
class SetupLabel:
    """What a Setup label holds.

    Args:
        script: the label itself, as bash gets it.
        app: the app that it is for.
        files: content by path below the deployment's folder, such as `bin/run`.
        genuine: apart from the packed files, it is exactly what this version of nuwa writes.
    """

    script: str
    app: str
    files: dict[str, bytes]
    genuine: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.script.encode()).hexdigest()


def read(script: str) -> SetupLabel:
    """Unpack a label; its checksums must be right.

    Raises:
        NuwaError: it was not made by nuwa, or it is damaged.
    """
    try:
        inner = _unzipped(_unbase64(_assigned(script, "packed"))).decode()
        archive = _unbase64(_assigned(f"{script} {inner}", "NUWA_PAYLOAD"))
        app = _assigned(inner, "readonly NUWA_APP")
        sums = {hashlib.sha256(inner.encode()).hexdigest(), hashlib.sha256(archive).hexdigest()}
        files = _files(archive)
    except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise NuwaError(
            f"the Setup label cannot be read ({error})",
            hint="It was not made by nuwa, or was damaged in transfer.",
        ) from None
    if not all(re.search(rf"\b{each}\b", script + inner) for each in sums):
        raise NuwaError(
            "the Setup label is damaged: a checksum in it is wrong", hint="Pull or load the image again."
        )
    return SetupLabel(script, app, files, _has_our_frame(script, inner, write.framed(app, archive)))


def _has_our_frame(script: str, inner: str, ours: str) -> bool:
    """Whether a label is ours, apart from its packed parts: compression differs between machines."""

    def frame(text: str) -> str:
        return re.sub("[A-Za-z0-9+/=]{64,}", "…", text)

    our_inner = _unzipped(_unbase64(_assigned(ours, "packed"))).decode()
    return frame(script) == frame(ours) and frame(inner) == frame(our_inner)


def _assigned(text: str, name: str) -> str:
    """The value of an assignment `name=…`; in nuwa's own labels, no value needs quotes."""
    found = re.search(rf"(?<!\S){name}=([A-Za-z0-9+/=_-]*)(?!\S)", text)
    if not found:
        raise ValueError(f"it has no {name.split()[-1]}")
    return found[1]


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _unzipped(packed: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        content = file.read(_MAX_UNPACKED_BYTES + 1)
    if len(content) > _MAX_UNPACKED_BYTES:
        raise ValueError("it is too large")
    return content


def _decompressed(packed: bytes) -> bytes:
    content = lzma.LZMADecompressor(memlimit=_MAX_MEMORY_BYTES).decompress(packed, _MAX_UNPACKED_BYTES + 1)
    if len(content) > _MAX_UNPACKED_BYTES:
        raise ValueError("it is too large")
    return content


def _files(archive: bytes) -> dict[str, bytes]:
    content = _decompressed(archive)
    files = {}
    for name, text in _entries(content) if content.startswith(write.MARK.encode()) else _tar_entries(content):
        if text is None or not re.fullmatch(r"bin/(lib/)?[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f"it would write {name!r}")
        files[name] = text
    return files


def _entries(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each file's path and content, as `write` packs them."""
    for entry in content.split(write.MARK.encode())[1:]:
        head, _, text = entry.partition(b"\n")
        yield head.decode().partition(" ")[2], text


def _tar_entries(content: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The same for a tar archive, as in labels of earlier releases; None for a link or a folder."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened:
        for entry in opened:
            file = opened.extractfile(entry) if entry.isreg() else None
            yield entry.name, file.read() if file else None
