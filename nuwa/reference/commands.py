"""The page of all commands, made of their own help: `python -m nuwa.reference.commands FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from nuwa.cli import main as program
from nuwa.cli import root
from nuwa.cli.catalogue import COMMANDS

_HEAD = """# Commands

This page is generated from the program (`script/generate`).

Exit codes: 0 success; 1 failure; 2 wrong usage; 3 `nuwa.toml` is invalid; 4 podman is missing, too old or
fails; 5 a build failed; 6 another command holds the lock; 7 a lab failed; 8 a host cannot be reached over
ssh, or a step failed there; 130 interrupted.
"""


def page() -> str:
    """The help of every command."""
    group = typer.main.get_command(root.app)
    context = group.make_context("nuwa", [], resilient_parsing=True)
    parts = [_HEAD, _block("nuwa", program.help_text())]
    for name in COMMANDS:
        parts += _blocks(f"nuwa {name}", group.get_command(context, name))  # type: ignore[attr-defined]  # it is a group
    return "\n".join(parts)


def _blocks(path: str, command: Any) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=100)
    yield _block(path, command.get_help(context))
    for name in getattr(command, "commands", {}):
        yield from _blocks(f"{path} {name}", command.get_command(context, name))


def _block(path: str, text: str) -> str:
    return f"## `{path}`\n\n```\n{text.strip()}\n```\n"


def main() -> None:
    """Write the page into the file that the first argument names."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
