"""Every external program is started here: an argv list, an explicit environment, no shell."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from nuwa.errors import CommandError, NuwaError

log = logging.getLogger(__name__)

WIND_DOWN_S = 10
"""Seconds that an interrupted program gets to stop by itself, if it can."""
LAST_LINES = 25
"""How many lines of a failed program's output an error contains."""

Argv = Sequence[str | Path]


@dataclass(frozen=True)
class Result:
    """The result of a program that has ended."""

    argv: list[str]
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0


def last_lines(text: str, count: int = LAST_LINES) -> str:
    return "\n".join(text.rstrip().splitlines()[-count:])


def run(
    argv: Argv,
    *,
    check: bool = True,
    input: str | bytes | None = None,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    wind_down: Callable[[], None] | None = None,
    interactive: bool = False,
) -> Result:
    """Run a program to its end.

    Args:
        argv: the command line, one item per argument; never a string for a shell.
        check: raise `CommandError` if the exit code is not 0.
        input: what it reads from its standard input; without it, standard input is /dev/null.
        stdin: an open file to read from instead of `input`.
        stdout: an open file to write to; `Result.stdout` is then empty.
        env: variables to set on top of this process's environment.
        cwd: the folder it runs in.
        timeout: seconds after which its whole process group is killed.
        on_line: called with each line that it prints (both streams), as it is printed.
        wind_down: called if this process is interrupted meanwhile. It makes the program stop by itself,
            for which the program gets `WIND_DOWN_S` seconds before it is killed.
        interactive: let it use this process's own terminal; nothing is captured, but `stdin` and `stdout` may
            be set.

    Raises:
        NuwaError: the program is not installed, or timed out.
        CommandError: it failed and `check` is set.
    """
    words = [str(word) for word in argv]
    log.debug("run: %s", shlex.join(words))
    environment = {**os.environ, **(env or {})}
    if interactive:
        code = _wait_interactive(words, environment, cwd, stdin, stdout)
        result = Result(words, code, "", "")
    else:
        result = _run_captured(words, environment, cwd, input, stdin, stdout, timeout, on_line, wind_down)
    return _judged(result, check)


@contextlib.contextmanager
def background(argv: Argv, *, env: Mapping[str, str] | None = None) -> Iterator[Background]:
    """Run a program alongside the block. If the block ends first, the program and its children are stopped.

    Args:
        argv, env: as in `run`.

    Raises:
        NuwaError: the program is not installed.
    """
    words = [str(word) for word in argv]
    log.debug("start: %s", shlex.join(words))
    process = _start(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )
    try:
        yield Background(words, process)
    finally:
        if process.poll() is None:
            _end_group(process)


@dataclass(frozen=True)
class Background:
    """A program started by `background`."""

    argv: list[str]
    _process: subprocess.Popen[bytes]

    def wait(self, timeout: float | None) -> Result | None:
        """Its result, or None if it is still running.

        Args:
            timeout: maximum seconds to wait; None: until it ends.

        Raises:
            CommandError: it failed.
        """
        try:
            out, err = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return None
        return _judged(Result(self.argv, self._process.returncode, _text(out), _text(err)), check=True)


def _judged(result: Result, check: bool) -> Result:
    log.debug("exit %d: %s", result.code, result.argv[0])
    if check and not result.ok:
        raise CommandError(result.argv, result.code, last_lines(result.stdout + result.stderr))
    return result


def replace_this(argv: Argv) -> NoReturn:
    """Replace this process with another program, which gets its terminal and environment."""
    words = [str(word) for word in argv]
    log.debug("exec: %s", shlex.join(words))
    sys.stdout.flush()
    os.execv(words[0], words)  # noqa: S606 - replacing the process is the purpose; no shell is used


def _run_captured(
    words: list[str],
    environment: Mapping[str, str],
    cwd: Path | None,
    input: str | bytes | None,
    stdin: IO[bytes] | None,
    stdout: IO[bytes] | None,
    timeout: float | None,
    on_line: Callable[[str], None] | None,
    wind_down: Callable[[], None] | None,
) -> Result:
    source: int | IO[bytes] = stdin or (subprocess.DEVNULL if input is None else subprocess.PIPE)
    process = _start(
        words,
        stdin=source,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        data = input.encode() if isinstance(input, str) else input
        if on_line:
            threading.Thread(target=_feed, args=(process, data), daemon=True).start()
            return Result(words, *_follow(process, on_line), "")
        out, err = process.communicate(data, timeout=timeout)
    except subprocess.TimeoutExpired:
        _end_group(process)
        raise NuwaError(f"{shlex.join(words)} did not finish within {timeout:g} s") from None
    except BaseException:
        if wind_down:
            _let_end(process, wind_down)
        _end_group(process)
        raise
    return Result(words, process.returncode, _text(out), _text(err))


def _let_end(process: subprocess.Popen[bytes], wind_down: Callable[[], None]) -> None:
    """Discard the output, which nobody reads any more: a full pipe would block the program."""
    wind_down()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=WIND_DOWN_S)


def _start(words: list[str], **options: object) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(words, **options)  # type: ignore[call-overload,no-any-return]
    except FileNotFoundError:
        raise NuwaError(f"{words[0]} is not installed", hint=f"Install {words[0]} and try again.") from None


def _feed(process: subprocess.Popen[bytes], data: bytes | None) -> None:
    """Write its input while its lines are read: a program may write before it has read everything."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as target:
            target.write(data or b"")


def _follow(process: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> tuple[int, str]:
    assert process.stdout is not None
    lines = []
    for raw in process.stdout:
        line = _text(raw).rstrip("\r\n")
        lines.append(line)
        on_line(line)
    return process.wait(), "\n".join(lines)


def _wait_interactive(
    words: list[str],
    environment: Mapping[str, str],
    cwd: Path | None,
    stdin: IO[bytes] | None,
    stdout: IO[bytes] | None,
) -> int:
    """The terminal sends Ctrl-C to the child as well, so the child decides, and this process waits for it."""
    process = _start(words, env=environment, cwd=cwd, stdin=stdin, stdout=stdout)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Stop the program and its children: with SIGTERM, and after five seconds with SIGKILL."""
    for ask in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ask)
            process.wait(timeout=5)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8", "replace")
