"""The errors that a user can encounter: each says what happened, where, and what to do next.

`nuwa.cli.main` turns them into one message and an exit code; anything else that escapes is a defect
and shows its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass


class NuwaError(Exception):
    """A failure that the user can fix.

    Args:
        message: what happened, one sentence without a final newline.
        hint: what to do next; empty if the message already says it.
        details: more lines to show below it, such as the last lines that a program printed.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        parts = [self.message]
        if self.details:
            parts.append(self.details)
        if self.hint:
            parts.append(f"→ {self.hint}")
        return "\n".join(parts)


class UsageError(NuwaError):
    """Options or arguments that cannot be combined."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One error in a file: a row of a `ManifestError`."""

    path: str
    """Where in the document: `server.module`, `volume[0].path`; empty for the document itself."""
    message: str
    """What was found and what was expected."""
    line: int | None = None
    hint: str = ""

    def render(self, file: str) -> str:
        where = f"{file}:{self.line}" if self.line else file
        text = f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"
        return f"{text}\n    → {self.hint}" if self.hint else text


class ManifestError(NuwaError):
    """All errors in one manifest, at once."""

    exit_code = 3

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__(f"{file}: {count}", details="\n".join(problem.render(file) for problem in problems))


class EngineError(NuwaError):
    """podman is missing, too old, or does not work on this machine."""

    exit_code = 4


class BuildError(NuwaError):
    """An image could not be built; nothing was tagged."""

    exit_code = 5


class BusyError(NuwaError):
    """Somebody else holds the lock."""

    exit_code = 6


class LabError(NuwaError):
    """A lab host could not be brought up or used."""

    exit_code = 7


class RemoteError(NuwaError):
    """A host could not be reached over ssh or lacks something, or a step failed there."""

    exit_code = 8


class ConnectionLost(RemoteError):
    """The connection to a host was cut: the operation may have continued to its end there."""


class CommandError(NuwaError):
    """A program that was run failed.

    Args:
        argv: its command line.
        code: its exit code; negative for a signal, as in `subprocess`.
        output: the last lines that it printed, both streams.
    """

    def __init__(self, argv: list[str], code: int, output: str, *, hint: str = "") -> None:
        import shlex

        self.argv = argv
        self.code = code
        self.output = output
        how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        super().__init__(f"{shlex.join(argv)} {how}", details=output, hint=hint)
