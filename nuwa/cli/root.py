"""The command line as typer sees it: a group that imports a command's module when the command is called."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from nuwa.cli import shared
from nuwa.cli.catalogue import COMMANDS
from nuwa.errors import UsageError


class Commands(TyperGroup):
    """Knows all commands by name, and imports each only when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature is typer's
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nuwa.cli.{cmd_name}")
        made = typer.main.get_command(module.app)
        made.name = cmd_name
        return made


app = typer.Typer(cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False, name="nuwa")


@app.callback()
def options(json: shared.Json = False, quiet: shared.Quiet = False, debug: shared.Debug = False) -> None:
    """Container images of Python web apps that install themselves."""
    shared.settings.add(json=json, quiet=quiet, debug=debug)


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Raises:
        NuwaError: whatever the command raises; `UsageError` for an invalid command line.
    """
    group = typer.main.get_command(app)
    try:
        code = group.main(args=list(arguments), prog_name="nuwa", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _COMMAND_LINE_ERROR as error:
        own = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
        shared.settings.json |= "--json" in own  # nothing has read the options yet
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its message is the help
            print(error, file=sys.stderr)
            return UsageError.exit_code
        raise _explained(error, own) from None
    return code if isinstance(code, int) else 0


_COMMAND_LINE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""The base of typer's complaints about a command line; it has no public name."""


def _explained(error: Any, arguments: Sequence[str]) -> UsageError:
    command = next((word for word in arguments if not word.startswith("-")), "")
    nearest = difflib.get_close_matches(command, COMMANDS, 1)
    if command and command not in COMMANDS:
        hint = f"did you mean {nearest[0]}?" if nearest else f"commands: {', '.join(COMMANDS)}"
        return UsageError(f"there is no command {command!r}", hint=hint)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "nuwa"
    return UsageError(error.format_message().strip(), hint=f"{path} --help")
