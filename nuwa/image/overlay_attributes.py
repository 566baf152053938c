"""What rootless podman leaves in layers: extended attributes for the kernel's overlay file system.

As root they are named `trusted.overlay.*`, and stay out of layers. Without root they are
`user.overlay.*`, and podman writes them into the layer's tar, as extended headers. Removing them makes the
same inputs give the same bytes as for root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import IO

_BLOCK = 512
_CHUNK_BYTES = 1 << 20
_PREFIX = b"SCHILY.xattr.user.overlay."
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_TYPE = slice(156, 157)


class Layer:
    """A writer for the bytes of a layer that keeps their count and digest."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._target.write(data)
        self._sum.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"


def strip(source: IO[bytes], target: IO[bytes]) -> Layer:
    """Copy a tar without those attributes; everything else is copied byte for byte.

    Raises:
        ValueError: the tar is truncated.
    """
    layer = Layer(target)
    while header := source.read(_BLOCK):
        if not header.strip(b"\0"):  # the end: nothing but zeros
            layer.write(header)
            continue
        size = _octal(header[_SIZE])
        length = -(-size // _BLOCK) * _BLOCK
        if header[_TYPE] == b"x":
            _extended(header, _read(source, length)[:size], layer)
        else:
            layer.write(header)
            for chunk in _chunks(source, length):
                layer.write(chunk)
    return layer


def _extended(header: bytes, data: bytes, layer: Layer) -> None:
    kept = b"".join(record for record in _records(data) if not _key(record).startswith(_PREFIX))
    if kept:
        layer.write(header if kept == data else _resized(header, len(kept)))
        layer.write(kept.ljust(-(-len(kept) // _BLOCK) * _BLOCK, b"\0"))


def _records(data: bytes) -> Iterator[bytes]:
    """The records of an extended header: `LENGTH KEY=VALUE` and a line break, all counted by the length."""
    while data:
        length = int(data.split(b" ", 1)[0])
        yield data[:length]
        data = data[length:]


def _key(record: bytes) -> bytes:
    return record.split(b" ", 1)[1].split(b"=", 1)[0]


def _resized(header: bytes, size: int) -> bytes:
    made = bytearray(header)
    made[_SIZE] = b"%011o\0" % size
    made[_CHECKSUM] = b" " * 8
    made[_CHECKSUM] = b"%06o\0 " % sum(made)
    return bytes(made)


def _octal(field: bytes) -> int:
    """A number in a header; large ones are binary, with a first byte of 0x80."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << 88) - 1)
    return int(field.strip(b"\0 ") or b"0", 8)


def _chunks(source: IO[bytes], length: int) -> Iterator[bytes]:
    while length:
        chunk = _read(source, min(length, _CHUNK_BYTES))
        yield chunk
        length -= len(chunk)


def _read(source: IO[bytes], length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise ValueError("the tar of a layer ends in the middle")
    return data
