"""What all commands have in common: their options, and where they report to."""

from __future__ import annotations

import functools
import inspect
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nuwa.architecture import Chosen
from nuwa.errors import UsageError

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.manifest.model import App


@dataclass
class Settings:
    """The options that every command takes, anywhere on the command line."""

    json: bool = False
    quiet: bool = False
    debug: bool = False

    def add(self, *, json: bool, quiet: bool, debug: bool) -> None:
        self.json |= json
        self.quiet |= quiet
        if debug and not self.debug:
            self.debug = True
            logging.basicConfig(
                level=logging.DEBUG, stream=sys.stderr, format="%(relativeCreated)6d ms  %(message)s"
            )


class Interrupted(BaseException):
    """The work was interrupted and has cleaned up; typer would turn a KeyboardInterrupt into silence.

    Args:
        number: the signal that did it.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        self.exit_code = 128 + number


settings = Settings()

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only results and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show each command that is run, and tracebacks.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder.", show_default="here")]
Family = Annotated[
    Literal["rockylinux", "debian"] | None,
    typer.Option(help="The family of images, instead of the manifest's.", show_default=False),
]
Platform = Annotated[
    Chosen | None,
    typer.Option(
        help="Platform of the image; built under emulation if the processor is not this machine's.",
        show_default=False,
    ),
]
_COMMON = {"json": Json, "quiet": Quiet, "debug": Debug}


def new_app(**options: Any) -> typer.Typer:
    """A typer application with the settings of all commands: plain help, no tracebacks by typer."""
    plain: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
    return typer.Typer(add_completion=False, no_args_is_help=True, **plain, **options)


def command(app: typer.Typer, *, json: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function a command of `app`, with the common options on top of its own.

    Args:
        json: whether it can give its result as JSON.
        options: for `typer.Typer.command`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function, eval_str=True)
        common = {name: kind for name, kind in _COMMON.items() if json or name != "json"}
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for name, kind in common.items()
        ]

        @functools.wraps(function)
        def run(**values: Any) -> Any:
            chosen = {name: values.pop(name, False) for name in _COMMON}
            settings.add(**chosen)
            if settings.json and not json:
                raise UsageError("this command has no JSON output", hint="Run it without --json.")
            try:
                return function(**values)
            except KeyboardInterrupt as interrupt:
                raise Interrupted(*interrupt.args) from None

        parameters = [*signature.parameters.values(), *added]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it from there
        run.__annotations__ = {item.name: item.annotation for item in parameters}
        app.command(**options)(run)
        return function

    return decorate


def progress() -> Progress:
    """The command's output, according to its options and the terminal."""
    from nuwa import console

    return console.choose(quiet=settings.quiet, as_json=settings.json, verbose=settings.debug)


def load_app(directory: Path, family: str | None = None, release: str | None = None) -> App:
    """The validated manifest of a project, with defaults of its family filled in."""
    from nuwa.image import families
    from nuwa.manifest import load

    return load.load(directory / load.NAME, family=family, release=release, offers=families.load)
