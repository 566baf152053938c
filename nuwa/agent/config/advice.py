"""What is valid in a configuration but inadvisable: warnings of `nuwa config check` and `apply`."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from nuwa.agent import regular_files
from nuwa.agent.config import env_file, processes
from nuwa.agent.config.resolved import Loaded

MAX_ENV_FILE_BYTES = 1024 * 1024
SHORT_TOKEN_CHARS = 16
"""Characters. GitLab sends the token itself, so a short one can be guessed."""


def given(loaded: Loaded) -> Iterator[str]:
    """All warnings, one sentence each."""
    for name, hook in loaded.config.webhooks.items():
        if len(hook.token) < SHORT_TOKEN_CHARS:
            yield (
                f"webhooks.{name}.token has only {len(hook.token)} characters and can be guessed: use a "
                "longer one, such as openssl rand -hex 32 prints, here and at the forge"
            )
    for name, process in loaded.config.processes.items():
        if process.env_file:
            path = Path(processes.absolute(process.env_file, loaded.base))
            yield from (f"processes.{name}.env_file: {path}{note}" for note in _of_file(path))


def _of_file(path: Path) -> Iterator[str]:
    """Warnings about a file of variables, to be appended to its path."""
    try:
        found = path.resolve(strict=True)
        if found.stat().st_mode & stat.S_IROTH:
            yield f" can be read by every user of the host: chmod 600 {path}"
        text = regular_files.read(found, MAX_ENV_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        yield f" cannot be read, so the process will not start: {error.strerror or error}"
    else:
        yield from (f": {note}" for note in env_file.notes(text))
