"""A compressed stream whose bytes are counted; memory use does not grow with its length."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nuwa.process import run

CHUNK_BYTES = 1 << 18


@contextmanager
def packed(
    write: Callable[[IO[bytes]], None], packer: Sequence[str], head: bytes, count: Callable[[int], None]
) -> Iterator[IO[bytes]]:
    """The compressed output of `write`, to be read while the block runs.

    Args:
        write: writes everything into a pipe; it stops early once nobody reads any more.
        packer: the program that compresses its standard input.
        head: bytes that come before it, uncompressed.
        count: called repeatedly with the number of bytes that were read.
    """
    plain_out, plain_in = os.pipe()
    packed_out, packed_in = os.pipe()
    counted_out, counted_in = os.pipe()
    with ThreadPoolExecutor(3) as pool:
        writing = pool.submit(_write, write, plain_in)
        packing = pool.submit(_pack, packer, plain_out, packed_in)
        pumping = pool.submit(_pump, packed_out, counted_in, head, count)
        # Closed before the pool is waited for: if the reader is gone, the others stop with a broken pipe.
        with os.fdopen(counted_out, "rb") as reader:
            yield reader
    for part in (pumping, packing, writing):
        part.result()


def rest_of(file: Path, offset: int = 0) -> Callable[[IO[bytes]], None]:
    """A function that writes the content of a file from `offset` on."""

    def write(target: IO[bytes]) -> None:
        with file.open("rb", buffering=0) as source:
            source.seek(offset)
            shutil.copyfileobj(source, target, CHUNK_BYTES)

    return write


@contextmanager
def filled(text: bytes) -> Iterator[IO[bytes]]:
    """A pipe that contains a text of less than 4 KiB, to be read while the block runs."""
    out_of, into = os.pipe()
    with os.fdopen(out_of, "rb") as reader:
        with os.fdopen(into, "wb") as writer:
            writer.write(text)
        yield reader


def _write(write: Callable[[IO[bytes]], None], into: int) -> None:
    target = os.fdopen(into, "wb")
    try:
        with suppress(BrokenPipeError):
            write(target)
    finally:
        with suppress(BrokenPipeError):
            target.close()


def _pack(packer: Sequence[str], out_of: int, into: int) -> None:
    with os.fdopen(into, "wb") as target, os.fdopen(out_of, "rb", buffering=0) as source:
        run(packer, stdin=source, stdout=target, check=False)


def _pump(out_of: int, into: int, head: bytes, count: Callable[[int], None]) -> None:
    with os.fdopen(out_of, "rb", buffering=0) as source, os.fdopen(into, "wb", buffering=0) as target:
        try:
            target.write(head)
            while chunk := source.read(CHUNK_BYTES):
                view = memoryview(chunk)
                while view:
                    view = view[target.write(view) :]
                count(len(chunk))
        except BrokenPipeError:
            return
