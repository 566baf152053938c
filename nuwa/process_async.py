"""Programs for an event loop: started as in `nuwa.process`, with output line by line as it is printed."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import os
import shlex
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from nuwa.errors import NuwaError
from nuwa.process import Argv

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 256 * 1024
"""Bytes; a longer line is split."""
STOP_TIMEOUT_S = 5
"""Seconds between SIGTERM and SIGKILL."""


class Running:
    """A running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def lines(self) -> AsyncIterator[bytes]:
        """Its output, line by line, including line breaks."""
        stream = self._process.stdout
        assert stream is not None
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                if end.partial:
                    yield end.partial
                return
            except asyncio.LimitOverrunError as overrun:
                line = await stream.readexactly(overrun.consumed)
            yield line

    async def pieces(self) -> AsyncIterator[str]:
        """Its output as it is printed, even parts of lines; invalid UTF-8 is replaced."""
        stream = self._process.stdout
        assert stream is not None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while piece := await stream.read(MAX_LINE_BYTES):
            if text := decoder.decode(piece):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    async def wait(self) -> int:
        """Wait for its exit code; negative for a signal."""
        return await self._process.wait()

    async def end(self) -> None:
        """Stop it and its children: with SIGTERM, then with SIGKILL."""
        for ask in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, ask)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._process.wait()), STOP_TIMEOUT_S)


@asynccontextmanager
async def started(
    argv: Argv,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    errors: bool = True,
    longest_line: int = MAX_LINE_BYTES,
) -> AsyncIterator[Running]:
    """Run a program while the block runs; it is stopped with the block.

    Args:
        env: variables to set on top of this process's environment.
        errors: whether its output includes standard error; otherwise standard error is discarded.
        longest_line: bytes; a longer line is split.

    Raises:
        NuwaError: it is not installed.
    """
    words = [str(word) for word in argv]
    log.debug("start: %s", shlex.join(words))
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if errors else asyncio.subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            limit=longest_line,
            start_new_session=True,
        )
    except FileNotFoundError:
        if cwd is not None and not cwd.is_dir():
            raise NuwaError(f"there is no folder {cwd}") from None
        hint = f"Install {words[0]} and try again."
        raise NuwaError(f"{words[0]} is not installed", hint=hint) from None
    running = Running(process)
    try:
        yield running
    finally:
        await running.end()
