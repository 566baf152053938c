"""Values that a project gives as examples: .env.example, and a .env that git tracks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nuwa.detect.testimony import Testimony
from nuwa.detect.tree import Tree

_EXAMPLES = (".env.*", "*.env.*", "env.example", "env.sample", "example.env", "sample.env", ".env-*", "*.env")
_IS_AN_EXAMPLE = re.compile(r"example|sample|template|dist|default|dummy")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


def read(tree: Tree, said: Testimony) -> None:
    """Read the values of example files; one that is named as an example takes precedence over a .env."""
    named = [path for path in tree.named(*_EXAMPLES) if _IS_AN_EXAMPLE.search(path.rpartition("/")[2])]
    tracked = [".env"] if tree.has(".env") and _is_tracked(tree.root.resolve() / ".env") else []
    for path in (*named, *tracked):
        for name, value in _assignments(tree.text(path)):
            said.samples.setdefault(name, value)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """The variables of a file, except for values that refer to other variables."""
    for line in text.splitlines():
        found = _LINE.match(line)
        value = re.sub(r"\s+#.*$", "", found[2]).strip("\"'") if found else ""
        if found and "${" not in value:
            yield found[1], value


def _is_tracked(file: Path) -> bool:
    """Whether git tracks a file, so that its values are shared, unlike those in a developer's own .env.

    In the index, each path is preceded by its length and followed by a NUL.
    """
    for folder in file.parents[:5]:
        index = _git_folder(folder) / "index"
        if index.is_file():
            path = file.relative_to(folder).as_posix().encode()
            return len(path).to_bytes(2, "big") + path + b"\0" in index.read_bytes()
    return False


def _git_folder(top: Path) -> Path:
    """The git directory of a repository; in a linked work tree, the file `.git` names it."""
    own = top / ".git"
    if not own.is_file():
        return own
    return top / own.read_text(encoding="utf-8", errors="replace").partition("gitdir:")[2].strip()
