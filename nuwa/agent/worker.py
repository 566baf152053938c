"""Runs host-changing work in a child process, whose result comes back as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nuwa.agent.paths import Paths
from nuwa.errors import NuwaError
from nuwa.process_async import started


class WorkFailed(NuwaError):
    """What was to be done failed.

    Args:
        kind: name of the error's class where it happened.
        problems: what is wrong in a configuration, as JSON.
    """

    def __init__(self, failure: dict[str, Any]) -> None:
        super().__init__(failure["message"], hint=failure["hint"], details=failure["details"])
        self.kind: str = failure["kind"]
        self.problems: list[dict[str, Any]] = failure["problems"]


async def act(verb: str, name: str) -> Any:
    """Start, stop or restart a service."""
    return await _work(verb, name)


async def run_once(name: str, command: str) -> Any:
    """Have a deployment run one of its one-off commands in the background."""
    return await _work("run", name, command)


async def apply(paths: Paths, text: bytes | None, *, expected: str, dry_run: bool) -> Any:
    """Apply a configuration, or say what it would change.

    Args:
        text: the new content; None: what is in the file.
        expected: the revision that the file must have; empty: any.
    """
    options = ["--expected", expected] if expected else []
    options += ["--dry-run"] if dry_run else []
    if text is None:
        return await _work("apply", *options)
    with _proposal(paths.state, text) as name:
        return await _work("apply", *options, "--file", name)


@contextmanager
def _proposal(folder: Path, text: bytes) -> Iterator[str]:
    """A temporary file with a proposed configuration, while the block runs.

    Raises:
        NuwaError: the disk is full, or cannot be written for another reason.
    """
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix="proposed.")
    except OSError as error:
        raise _refused(folder, error) from None
    try:
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
        except OSError as error:
            raise _refused(folder, error) from None
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _refused(folder: Path, error: OSError) -> NuwaError:
    hint = "Free some space on the disk that holds it; nothing was changed."
    return NuwaError(f"the configuration cannot be written to {folder}: {error.strerror}", hint=hint)


async def _work(*arguments: str) -> Any:
    argv = [sys.executable, "-m", "nuwa.agent.apply", *arguments]
    async with started(argv, errors=False) as running:
        output = b"".join([line async for line in running.lines()])
        code = await running.wait()
    try:
        answer = json.loads(output)
    except ValueError:
        message, hint = (
            f"{arguments[0]} failed with exit code {code}",
            "The agent's log may say why: nuwa log ci",
        )
        failure = {"kind": "Defect", "message": message, "hint": hint, "details": "", "problems": []}
        raise WorkFailed(failure) from None
    if code != 0:
        raise WorkFailed(answer["error"])
    return answer
