"""Finds the files of nginx's configuration with a site of a given name: nginx only warns about duplicates."""

from __future__ import annotations

import re

_FILE = re.compile(r"^# configuration file ", re.MULTILINE)
"""The line that `nginx -T` prints before each file."""
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_NAMES = re.compile(r"(?:^|(?<=[\s;{}]))server_name\s+([^;]*);")


def files_with(configuration: str, name: str) -> tuple[str, ...]:
    """The files with a site of this name, sorted.

    Args:
        configuration: the output of `nginx -T`.
        name: a domain, as nginx writes it in its warning.
    """
    parts = (part.partition(":\n") for part in _FILE.split(configuration)[1:])
    return tuple(sorted({file for file, _, text in parts if name in _names(text)}))


def _names(text: str) -> set[str]:
    found = _NAMES.findall(_COMMENT.sub("", text))
    return {word.strip("\"'") for names in found for word in names.split()}
