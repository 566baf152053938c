"""Where `nuwa` starts: its help costs no import, and each command imports what it uses.

Errors become one message and an exit code here, and nowhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "init": "Write nuwa.toml for a project: Django, Flask and FastAPI are recognised.",
    "check": "Validate nuwa.toml and say everything that is wrong with it.",
    "build": "Build a project's image, with the layers beneath it.",
    "inspect": "Show what an image holds: layers, services, labels, what Setup would write.",
    "setup": "Verify an image and write its bin/ into a folder, as its Setup label does.",
    "ls": "Show the services of this host.",
    "start": "Start services.",
    "stop": "Stop services.",
    "restart": "Restart services, without a gap where that is possible.",
    "log": "Show what services wrote.",
    "hooks": "Webhooks, and what each did step by step.",
    "monitor": "Show what is checked on this host, and the last alerts.",
    "config": "The configuration of this host.",
    "host": "Prepare this machine as a host, check it, or take everything away.",
    "lab": "Disposable hosts for trying things out.",
    "schema": "Print the JSON Schema of nuwa.toml.",
}
"""Every command, with the line that the help shows; each lies in the module of its name in `nuwa.cli`."""

OPTIONS = {
    "--json": "Print one JSON object on stdout, errors included.",
    "--quiet": "Print results and errors alone.",
    "--debug": "Show each command that is run, all their output, and tracebacks.",
    "--version": "Show the version and exit.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell.",
    "--help": "Show this message and exit.",
}
"""The options before a command; the first three may also follow it."""

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
            "nuwa COMMAND --help says more about a command.",
        ]
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; what went wrong is said on stderr."""
    from nuwa.cli import failure, root
    from nuwa.cli.shared import Interrupted

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    try:
        with failure.signals():
            return root.run(arguments)
    except (Exception, Interrupted) as error:
        return failure.report(error)
