"""Which options the scripts of a deployment and of this checkout take, read from their source."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "bin-templates"
COMMANDS = {path.name for path in (TEMPLATES / "commands").iterdir()}

_FUNCTION = r"^{name}\(\) \{{\n(.*?)^\}}"
_LABEL = re.compile(r"^\s*(-{1,2}[a-z][\w-]*(?:\s*\|\s*-{1,2}[a-z][\w-]*)*)\)", re.MULTILINE)
_COMPARED = re.compile(r"\$(?:1|\{1:?-\}) (?:==|=) (-{1,2}[a-z][\w-]*)")
_SHOWN = re.compile(r"(?<![\w:-])--?[a-z][\w-]*")


def _body(text: str, name: str) -> str:
    found = re.search(_FUNCTION.format(name=name), text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def _labels(text: str) -> set[str]:
    found = {option.strip() for match in _LABEL.finditer(text) for option in match[1].split("|")}
    return found | set(_COMPARED.findall(text))


def _source(name: str) -> str:
    text = (TEMPLATES / "commands" / name).read_text()
    other = re.search(r'exec "\$\{BASH_SOURCE\[0\]%/\*\}/(\w+)" "\$@"', text)
    return _source(other[1]) if other else text


@cache
def taken(name: str) -> frozenset[str]:
    """The options that a command of `bin/` takes."""
    text = _source(name)
    found = _labels(_body(text, "option")) | _labels(_body(text, "parse"))
    if "parse_options" in text:
        found |= _labels(_body((TEMPLATES / "lib" / "cli").read_text(), "parse_options"))
    if "archive_option " in text:
        found |= _labels(_body((TEMPLATES / "lib" / "archive").read_text(), "archive_option"))
    return frozenset(found - {"--"})


@cache
def shown(name: str) -> frozenset[str]:
    """The options that the help of a command of `bin/` names."""
    text = _body(_source(name), "usage")
    for function, file in (("common_options", "cli"), ("archive_options", "archive")):
        if f"$({function})" in text:
            text += _body((TEMPLATES / "lib" / file).read_text(), function)
    return frozenset(_SHOWN.findall(text)) - {"-"}


@cache
def of_checkout(name: str) -> frozenset[str]:
    """The options that a program in `script/` takes."""
    return frozenset(_labels((ROOT / "script" / name).read_text()) | {"--help", "-h"})


@cache
def of_packed_file() -> frozenset[str]:
    """The options of a file that `bin/migrate` makes."""
    return frozenset(_labels((TEMPLATES / "from_image" / "unpack").read_text()))
