"""The texts of this repository, and the command lines that stand in them."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_STARTS = re.compile(
    r"(?:[A-Z_]+=\S*\s+)*(?:\.venv/bin/nuwa|nuwa|\.?/?bin/\w+|script/\w+|bats|\.venv/bin/pytest)(?:\s|$)"
)
_SHELLS = ("sh", "bash", "console")
# In text that marks no commands: a name and the options right behind it, or behind one word.
_FREE = re.compile(
    r"(?<![\w./$}>-])(?:(?P<script>bin/\w+)|nuwa(?P<command>(?: [a-z_]+)+))"
    r"(?P<rest>(?: [A-Za-z0-9_@.:$/]+)?(?: --?[a-z][\w-]*(?![\w*]))+)"
)


@dataclass(frozen=True)
class Line:
    """One command line.

    Attributes:
        words: its words.
        place: file and line, for the message of a test that fails.
        whole: it is in a block of commands, so nothing is left out of it.
    """

    words: tuple[str, ...]
    place: str
    whole: bool


@dataclass(frozen=True)
class Block:
    """A block of code: its language, which may be empty, its text, and the line where that begins."""

    language: str
    text: str
    line: int


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks, and those that are new and not ignored."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def pages() -> list[Path]:
    """All pages for readers."""
    return [path for path in tracked() if path.suffix == ".md"]


def prose(page: Path) -> str:
    """A page without its blocks of code; the number of lines stays."""
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of code of a page."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(match[1], match[2], text.count("\n", 0, match.start(2)) + 1)


def inline_code(page: Path) -> Iterator[str]:
    """What a page shows between backticks."""
    return (match[1] for match in _INLINE.finditer(prose(page)))


def lines_of(page: Path) -> Iterator[Line]:
    """The command lines of a page: those of its blocks, and those between backticks."""
    name = str(page.relative_to(ROOT))
    for block in blocks(page):
        if block.language in _SHELLS:
            yield from _of_block(block.text, name, block.line)
        elif not block.language:
            yield from free(block.text, name, block.line)
    yield from marked(prose(page), name)


def marked(text: str, name: str) -> Iterator[Line]:
    """The command lines between backticks."""
    for inline in _INLINE.finditer(text):
        if _STARTS.match(inline[1]):
            place = f"{name}:{text.count(chr(10), 0, inline.start()) + 1}"
            for words in _commands(inline[1].replace("\\|", "|")):
                yield Line(words, place, whole=False)


def free(text: str, name: str, begin: int = 1) -> Iterator[Line]:
    """The command lines in a text that does not mark them, such as a message: as far as their options go."""
    for match in _FREE.finditer(text):
        first = [match["script"]] if match["script"] else ["nuwa", *match["command"].split()]
        place = f"{name}:{text.count(chr(10), 0, match.start()) + begin}"
        yield Line((*first, *match["rest"].split()), place, whole=False)


def _of_block(block: str, name: str, begin: int) -> Iterator[Line]:
    for number, line in enumerate(block.splitlines(), begin):
        for words in _commands(line.removeprefix("$ ")):
            yield Line(words, f"{name}:{number}", whole=True)


def _commands(line: str) -> Iterator[tuple[str, ...]]:
    """The single commands of a line, without assignments and what goes round them."""
    line = re.sub(r"(?<=\w)\|(?=\w)", "¦", line)  # alternatives, and no pipe
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|()<>")
        lexer.whitespace_split = True
        words = [word.replace("¦", "|") for word in lexer]
    except ValueError:  # a quote that ends on another line: no command of ours
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("&;|()"):
            if command:
                yield tuple(_without_assignments(command))
            command = []
        else:
            command.append(word)


def _without_assignments(words: list[str]) -> list[str]:
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    return words
