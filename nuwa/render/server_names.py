"""Which files of nginx's configuration have a site of a name: nginx itself only warns that there are two."""

from __future__ import annotations

import re

_FILE = re.compile(r"^# configuration file ", re.MULTILINE)
"""What `nginx -T` prints before each file."""
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_NAMES = re.compile(r"(?:^|(?<=[\s;{}]))server_name\s+([^;]*);")


def files_with(configuration: str, name: str) -> tuple[str, ...]:
    """The files that have a site of this name, sorted.

    Args:
        configuration: what `nginx -T` prints.
        name: a domain, as nginx writes it in its warning.
    """
    parts = (part.partition(":\n") for part in _FILE.split(configuration)[1:])
    return tuple(sorted({file for file, _, text in parts if name in _names(text)}))


def _names(text: str) -> set[str]:
    found = _NAMES.findall(_COMMENT.sub("", text))
    return {word.strip("\"'") for names in found for word in names.split()}
