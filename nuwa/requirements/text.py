"""requirements.txt, line by line, as pip reads it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OPTION = re.compile(
    r"(?P<name>-r|--requirement|-c|--constraint|-e|--editable|-f|--find-links)(?:\s+|=|(?<=^-[rcef]))(?P<value>.*)"
)
_LONG = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-f": "--find-links"}
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""An environment variable that pip and uv substitute in a line."""


@dataclass(frozen=True)
class Line:
    """One logical line: without comments, continued lines joined."""

    number: int
    """The number of its first physical line, from 1."""
    text: str
    option: str = ""
    """`--requirement`, `--constraint`, `--editable`, `--find-links`; empty for all others."""
    value: str = ""
    """The argument of the option."""


@dataclass(frozen=True)
class Target:
    """The source of a requirement that does not come from an index."""

    name: str
    """As in `name @ target`; empty: the target itself says it."""
    place: str
    """A path or URL, without extras and markers."""
    extras: str = ""
    """In brackets, or empty."""
    rest: str = ""
    """Environment marker and options after it."""

    @property
    def is_repository(self) -> bool:
        return bool(re.match(r"(?:git|hg|svn|bzr)\+", self.place))

    @property
    def is_local(self) -> bool:
        return self.place.startswith("file:") or "://" not in self.place

    @property
    def is_archive(self) -> bool:
        return self.place.lower().endswith(_ARCHIVES)


def decode(content: bytes) -> str:
    """The text of a file, by its byte-order mark; UTF-8 without one."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace").removeprefix("\ufeff")
    return content.decode("utf-8", "replace")


def lines(text: str) -> Iterator[Line]:
    """The logical lines of a file, without the empty ones."""
    begun, number = "", 0
    for at, physical in enumerate([*text.splitlines(), ""], start=1):
        number = number if begun else at
        if physical.endswith("\\") and not physical.lstrip().startswith("#"):
            begun += physical[:-1] + " "
            continue
        logical, begun = re.sub(r"(?:^|\s)#.*", "", begun + physical).strip(), ""
        if logical:
            yield _classified(number, logical)


def _classified(number: int, text: str) -> Line:
    found = _OPTION.match(text)
    if not found:
        return Line(number, text)
    name, value = found["name"], found["value"].strip().strip("\"'")
    return Line(number, text, _LONG.get(name, name), value)


def target(text: str) -> Target | None:
    """The path or URL that a requirement names; None if it comes from an index."""
    named = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^]]*\])?\s*@\s*(\S+)(.*)", text)
    if named:
        return Target(named[1], _without_egg(named[3]), named[2] or "", named[4])
    word, space, rest = text.partition(" ")
    if not _is_place(word):
        return None
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9][A-Za-z0-9._-]*)", word)
    extras = re.search(r"\[[^]]*\]$", word)
    place = word[: extras.start()] if extras else word
    return Target(egg[1] if egg else "", _without_egg(place), extras[0] if extras else "", space + rest)


def _is_place(word: str) -> bool:
    path = re.sub(r"\[[^]]*\]$", "", word)
    if "://" in path or path.startswith("file:") or path in (".", ".."):
        return True
    return path.startswith(("./", "../", "/", "~/")) or path.lower().endswith(_ARCHIVES)


def _without_egg(place: str) -> str:
    """A URL without the package name in its fragment, which is `Target.name`."""
    head, mark, fragment = place.partition("#")
    kept = "&".join(part for part in fragment.split("&") if part and not part.startswith("egg="))
    return f"{head}#{kept}" if mark and kept else head
