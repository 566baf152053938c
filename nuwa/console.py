"""How progress is shown: a live line on a terminal, plain lines in a log, nothing, or one JSON object.

    with progress.step("base: install packages") as step:
        step.line("Get:1 nginx …")
        step.done("cached")

Work takes a `Progress` and never prints. Progress goes to stderr, results to stdout. Steps may be nested
but belong to one thread. rich is imported when the first live step starts, not before.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0a-\x1f\x7f]")


class Step(Protocol):
    """A step of work in progress."""

    def line(self, text: str) -> None:
        """Show a line that the work printed."""

    def done(self, note: str = "") -> None:
        """State the outcome, such as "cached"; without this call, the step ends without a note."""


class Progress(Protocol):
    """Where work reports its progress."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show a step from start to end; an exception that leaves it marks it as failed."""

    def note(self, text: str) -> None:
        """Print a lasting message, such as a warning."""

    def result(self, data: Mapping[str, object], text: str = "") -> None:
        """Print the result, once, at the end: `data` if JSON was requested, otherwise `text`."""


def choose(
    *, quiet: bool = False, as_json: bool = False, verbose: bool = False, terminal: bool | None = None
) -> Progress:
    """The progress that fits the options and the terminal.

    Args:
        verbose: also keep every line that programs print.
        terminal: whether a person is watching; None: find out from stderr.
    """
    if as_json:
        return Json()
    if quiet:
        return Quiet()
    watched = sys.stderr.isatty() if terminal is None else terminal
    return Live() if watched and not verbose else Plain(verbose=verbose)


class Quiet:
    """Shows only the result."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        yield _Recorder(title, lambda text: None)

    def note(self, text: str) -> None:
        pass

    def result(self, data: Mapping[str, object], text: str = "") -> None:
        if text:
            print(text)


class Json(Quiet):
    """Collects steps and notes, and prints one object on stdout at the end."""

    def __init__(self) -> None:
        self._steps: list[dict[str, object]] = []
        self._notes: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        recorder = _Recorder(title, lambda text: None)
        row: dict[str, object] = {"title": title, "ok": False}
        self._steps.append(row)
        try:
            yield recorder
            row["ok"] = True
        finally:
            row.update(note=recorder.note, seconds=round(recorder.seconds, 3))

    def note(self, text: str) -> None:
        self._notes.append(text)

    def result(self, data: Mapping[str, object], text: str = "") -> None:
        whole = {**data, "steps": self._steps, "notes": self._notes}
        print(json.dumps(whole, ensure_ascii=False, indent=2))


class Plain:
    """One line at the start of a step and one at its end, for logs."""

    def __init__(self, *, verbose: bool = False, stream: IO[str] | None = None) -> None:
        self._verbose = verbose
        self._stream = stream
        self._depth = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self.note(f"{title} …")
        self._depth += 1
        recorder = _Recorder(title, self.note if self._verbose else lambda text: None)
        try:
            yield recorder
        except BaseException as error:
            self._depth -= 1
            self.note(f"{title}: {_how(error)} after {recorder.seconds:.1f} s")
            raise
        self._depth -= 1
        self.note(f"{title}: {recorder.note or 'done'} ({recorder.seconds:.1f} s)")

    def note(self, text: str) -> None:
        print("  " * self._depth + clean(text), file=self._stream or sys.stderr, flush=True)

    def result(self, data: Mapping[str, object], text: str = "") -> None:
        if text:
            print(text)


class Live:
    """A spinner with the last line of the innermost step; finished steps stay as one line each."""

    def __init__(self, console: Console | None = None) -> None:
        self._made = console
        self._status: Status | None = None
        self._open: list[_Recorder] = []

    @property
    def _console(self) -> Console:
        if self._made is None:
            from rich.console import Console

            self._made = Console(stderr=True, highlight=False)
        return self._made

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        recorder = _Recorder(title, self._show)
        self._open.append(recorder)
        self._show("")
        try:
            yield recorder
        except BaseException as error:
            self._close("[red]✗[/]", _how(error))
            raise
        self._close("[green]✓[/]", recorder.note)

    def note(self, text: str) -> None:
        self._console.print(clean(text), markup=False)

    def result(self, data: Mapping[str, object], text: str = "") -> None:
        if text:
            print(text)

    def _show(self, last_line: str) -> None:
        from rich.text import Text

        title = " · ".join(recorder.title for recorder in self._open)
        width = max(10, self._console.width - len(title) - 6)
        text = Text.assemble((clean(title), "bold"), (f"  {clean(last_line)[:width]}", "dim"))
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def _close(self, mark: str, note: str) -> None:
        from rich.markup import escape

        recorder = self._open.pop()
        indent = "  " * len(self._open)
        detail = f"{escape(clean(note))}  " if note else ""
        self._console.print(
            f"{indent}{mark} {escape(clean(recorder.title))}  [dim]{detail}{recorder.seconds:.1f} s[/]"
        )
        if self._open:
            self._show("")
        elif self._status is not None:
            self._status.stop()
            self._status = None


class _Recorder:
    """The data recorded for a step."""

    def __init__(self, title: str, on_line: Callable[[str], None]) -> None:
        self.title = title
        self.note = ""
        self._on_line = on_line
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def line(self, text: str) -> None:
        self._on_line(text)

    def done(self, note: str = "") -> None:
        self.note = note


def clean(text: str) -> str:
    """`text` without anything that moves the cursor or colours the terminal."""
    return _CONTROL.sub("", text.rstrip("\r\n"))


def _how(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
