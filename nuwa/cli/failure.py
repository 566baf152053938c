"""How failures are reported: one message with its remedy, and an exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from nuwa.cli.shared import Interrupted, settings
from nuwa.errors import ManifestError, NuwaError


@contextmanager
def signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the work like Ctrl-C, so that everything is cleaned up."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is fixed
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt as interrupted:
        raise Interrupted(*interrupted.args) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(error: BaseException) -> int:
    """Say what happened on stderr (or as JSON on stdout), and return the exit code.

    An exception that is not nuwa's own is a bug in nuwa and is shown with its traceback.
    """
    if isinstance(error, Interrupted):
        _show("Interrupted; nothing was left half done.", {"message": "interrupted"}, error.exit_code)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    known = error if isinstance(error, NuwaError) else _from_system(error)
    if known is None or settings.debug:
        traceback.print_exception(error)
    if known is None:
        _show("This is a bug in nuwa.", {"message": repr(error)}, 1)
        return 1
    _show(f"Error: {known}", _as_json(known), known.exit_code)
    return known.exit_code


def _show(text: str, data: dict[str, object], code: int) -> None:
    print(text, file=sys.stderr)
    if settings.json:
        print(json.dumps({"ok": False, "error": {**data, "exit_code": code}}, ensure_ascii=False, indent=2))


def _as_json(error: NuwaError) -> dict[str, object]:
    data: dict[str, object] = {"message": error.message, "hint": error.hint, "details": error.details}
    if isinstance(error, ManifestError):
        data["problems"] = [vars(problem) for problem in error.problems]
    return data


def _from_system(error: BaseException) -> NuwaError | None:
    """An error of the operating system as one with a remedy; None for anything else."""
    if not isinstance(error, OSError) or error.strerror is None:
        return None
    hints = {
        errno.ENOSPC: "Free some space on that disk and try again.",
        errno.EACCES: "Run this as a user with the permission, such as root.",
        errno.EPERM: "Run this as a user with the permission, such as root.",
        errno.EROFS: "That file system is read-only. Use another folder, or remount it.",
    }
    where = f"{error.filename}: " if error.filename else ""
    return NuwaError(f"{where}{error.strerror}", hint=hints.get(error.errno or 0, ""))
