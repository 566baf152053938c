"""A file as a compressed stream, counted on its way; memory does not grow with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nuwa.process import run

CHUNK_BYTES = 1 << 18


@contextmanager
def packed(
    file: Path, offset: int, packer: Sequence[str], head: bytes, count: Callable[[int], None]
) -> Iterator[IO[bytes]]:
    """The compressed content of a file from `offset` on, to be read while the block runs.

    Args:
        packer: the program that compresses its standard input.
        head: what comes before it, as it is.
        count: told how many bytes were taken, again and again.
    """
    packed_out, packed_in = os.pipe()
    counted_out, counted_in = os.pipe()
    with ThreadPoolExecutor(2) as pool:
        packing = pool.submit(_pack, file, offset, packer, packed_in)
        pumping = pool.submit(_pump, packed_out, counted_in, head, count)
        # Closed before the pool is waited for: a reader that has gone ends the other two by a broken pipe.
        with os.fdopen(counted_out, "rb") as reader:
            yield reader
    pumping.result()
    packing.result()


@contextmanager
def filled(text: bytes) -> Iterator[IO[bytes]]:
    """A pipe with a text of less than 4 KiB in it, to be read while the block runs."""
    out_of, into = os.pipe()
    with os.fdopen(out_of, "rb") as reader:
        with os.fdopen(into, "wb") as writer:
            writer.write(text)
        yield reader


def _pack(file: Path, offset: int, packer: Sequence[str], into: int) -> None:
    with os.fdopen(into, "wb") as target, file.open("rb", buffering=0) as source:
        source.seek(offset)
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
