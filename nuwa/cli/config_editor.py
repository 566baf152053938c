"""Editing the configuration: errors are shown and can be fixed, and no concurrent edit is lost."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nuwa.agent.paths import Paths
    from nuwa.agent.schemas import Applied


def edit(paths: Paths) -> Applied | None:
    """Let a person edit the configuration until it is valid, and apply it.

    Returns:
        what was changed; None if nothing was edited, or the person gave up.
    """
    from nuwa.agent.config.load import read
    from nuwa.agent.config.resolved import EMPTY, revision

    before = read(paths.config) if paths.config.exists() else EMPTY
    with tempfile.TemporaryDirectory(prefix="nuwa-") as folder:
        file = Path(folder) / "config.json"
        file.write_text(before)
        while True:
            _open_editor(file)
            text = read(file)
            if text == before:
                return None
            done = _put(paths, text, revision(before))
            if done or not _again():
                return done


def _put(paths: Paths, text: str, expected: str) -> Applied | None:
    """Apply a configuration; if it is invalid, show its errors and return None."""
    from nuwa.agent.apply.apply import apply
    from nuwa.agent.client import AgentDown, Refused
    from nuwa.cli.host_services import client, recorded
    from nuwa.errors import ManifestError

    headers = {"If-Match": f'"{expected}"'}
    try:
        try:
            done: Applied = client().ask("PUT", "/config", text.encode(), headers)
        except AgentDown:
            with recorded("configure", ""):
                done = apply(paths, text, expected=expected)
    except ManifestError as error:
        print(error, file=sys.stderr)
    except Refused as error:
        if error.code != "invalid":
            raise
        print(error, file=sys.stderr)
    else:
        return done
    return None


def _open_editor(file: Path) -> None:
    from nuwa.process import run

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    run([*shlex.split(editor), file], interactive=True)


def _again() -> bool:
    """Whether the user wants to edit it again."""
    if not sys.stdin.isatty():
        return False
    return input("Edit it again? [Y/n] ").strip().lower() in ("", "y", "yes")
