"""Values of secrets for an export: a file of lines, or a folder such as a host's volumes/secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from nuwa.kubernetes.options import ExportError

_LINE = re.compile(rb"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
GENERATED_BYTES = 48
"""Bytes of randomness in a generated secret, as in bin/run."""


def read(path: Path) -> dict[str, bytes]:
    """The values by name.

    A line is NAME=VALUE, and everything after the first `=` is the value; empty lines and comments (#) are
    ignored. In a folder, each file is the value of its name, without one final newline; it may span lines.

    Raises:
        ExportError: a line has another form.
        OSError: the file or folder cannot be read.
    """
    if path.is_dir():
        files = (file for file in sorted(path.iterdir()) if _NAME.fullmatch(file.name) and file.is_file())
        return {file.name: _without_newline(file.read_bytes()) for file in files}
    found = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        line = line[:-1] if line.endswith(b"\r") else line
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise ExportError(f"{path}, line {number}: write NAME=VALUE")
        found[match[1].decode()] = match[2]
    return found


def _without_newline(content: bytes) -> bytes:
    return content[:-1] if content.endswith(b"\n") else content


def keep_generated(path: Path, names: Iterable[str]) -> list[str]:
    """Generate the secrets that do not exist yet, and store them for later exports.

    Returns:
        The names of those that were generated.
    """
    there = read(path) if path.exists() else {}
    missing = [name for name in names if name not in there]
    made = {name: secrets.token_urlsafe(GENERATED_BYTES) for name in missing}
    if path.is_dir():
        for name, value in made.items():
            file = path / name
            file.touch(mode=0o600)
            file.write_text(f"{value}\n")
    elif made:
        if not path.exists():
            path.touch(mode=0o600)
        text = path.read_text()
        begin = "" if not text or text.endswith("\n") else "\n"
        with path.open("a") as lines:
            lines.write(begin + "".join(f"{name}={value}\n" for name, value in made.items()))
    return missing
