"""Where `nuwa` starts: its help costs no import, and each command imports what it uses.

Errors become one message and an exit code here, and nowhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from nuwa.cli.catalogue import COMMANDS, OPTIONS

COMPLETION = "_NUWA_COMPLETE"
"""The variable by which a shell asks for completions."""


def main() -> None:
    """The program `nuwa`."""
    arguments = sys.argv[1:]
    first = next((argument for argument in arguments if argument not in ("--json", "--quiet", "--debug")), "")
    if COMPLETION not in os.environ and first in ("", "-h", "--help"):
        print(help_text())
        sys.exit(0 if first else 2)
    if first == "--version":
        from nuwa import __version__

        print(f"nuwa {__version__}")
        sys.exit(0)
    sys.exit(run(arguments))


def help_text() -> str:
    rows = [f"  {name:<22}{text}" for name, text in OPTIONS.items()]
    commands = [f"  {name:<9}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: nuwa [OPTIONS] COMMAND [ARGS]…",
            "",
            "Container images of Python web apps that install themselves.",
            "",
            "Commands:",
            *commands,
            "",
            "Options:",
            *rows,
            "",
            "Run nuwa COMMAND --help for more about a command.",
        ]
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors go to stderr."""
    from nuwa.cli import failure, root
    from nuwa.cli.shared import Interrupted

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names need not be valid text
    try:
        with failure.signals():
            return root.run(arguments)
    except (Exception, Interrupted) as error:
        return failure.report(error)
