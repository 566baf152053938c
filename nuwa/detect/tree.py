"""The files of a project, each read once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from nuwa.detect import source
from nuwa.detect.source import Source
from nuwa.requirements.text import decode

NOT_THE_PROJECT = frozenset(
    {
        *("node_modules", "bower_components", "venv", "env", "build", "dist", "site-packages", "vendor"),
        *("tests", "test", "testing", "docs", "doc", "examples", "example", "fixtures", "locale"),
        *("__pycache__", "static", "staticfiles", "media", "migrations"),
    }
)
"""Folders whose Python is not the application's own."""
SCRIPTS = frozenset({"scripts", "script", "tools", "bin", "benchmarks", "notebooks"})
"""Folders whose modules are run by developers, and not by the app."""
_DEPTH = 6
_ENTRIES = 30_000
_TEXT_BYTES = 1 << 20
_TOTAL_BYTES = 96 << 20
"""Bytes read from all files together; no project has that much code."""
_TESTS = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_tests?|conftest|setup)\.py$")


class Tree:
    """A project's folder. Paths are relative to it, with slashes."""

    def __init__(self, root: Path, depth: int = _DEPTH) -> None:
        self.root = root
        self._prefix = f"{root}/"
        self._depth = depth
        self._read: dict[str, bytes | None] = {}
        self._sources: dict[str, Source | None] = {}
        self._total = 0

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files that may be relevant, the uppermost folders first; links to folders are not followed."""
        found: list[str] = []
        folders = [""]
        while folders and len(found) < _ENTRIES:
            deeper: list[str] = []
            for folder in folders:
                for name, is_folder in self._listed(folder):
                    path = f"{folder}{name}"
                    if not is_folder:
                        found.append(path)
                    elif _enters(name) and path.count("/") < self._depth:
                        deeper.append(f"{path}/")
            folders = deeper
        return tuple(found[:_ENTRIES])

    @cached_property
    def folders_above(self) -> tuple[Path, ...]:
        """The folders above, up to the repository's top; none if it is not in a repository."""
        found: list[Path] = []
        root = self.root.resolve()
        for folder in (root, *root.parents[:4]):
            if folder != root:
                found.append(folder)
            if (folder / ".git").exists():
                return tuple(found)
        return ()

    @cached_property
    def python(self) -> tuple[str, ...]:
        """Its own modules, without tests."""
        return tuple(
            path
            for path in self.files
            if path.endswith(".py")
            and not _TESTS.search(path)
            and not NOT_THE_PROJECT.intersection(path.split("/")[:-1])
        )

    def named(self, *patterns: str) -> Iterator[str]:
        """Files that match any of the patterns, such as `deploy/*.service`; the shortest paths first."""
        matcher = _matcher(patterns)
        paths = self._shortest_first if any(map(_may_be_module, patterns)) else self._no_modules
        return (path for path in paths if matcher.search(path))

    @cached_property
    def _no_modules(self) -> list[str]:
        return [path for path in self._shortest_first if not path.endswith(".py")]

    @cached_property
    def _shortest_first(self) -> list[str]:
        return sorted(self.files, key=lambda item: (item.count("/"), len(item), item))

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def content(self, path: str) -> bytes:
        """A file's content; empty if it cannot be read or is too large to be text."""
        if path not in self._read:
            self._read[path] = self._load(path)
        return self._read[path] or b""

    def text(self, path: str) -> str:
        return decode(self.content(path))

    def source(self, path: str) -> Source | None:
        """A module, parsed; None if it does not exist or is not Python 3."""
        if path not in self._sources:
            content = self.content(path)
            there = bool(content) or self.has(path)
            self._sources[path] = (
                source.parse(PurePosixPath(path), content, self.module, self._in_src) if there else None
            )
        return self._sources[path]

    @cached_property
    def _in_src(self) -> bool:
        """Whether modules in src/ are imported without that prefix, as the project's own imports show."""
        names = re.compile(rb"(?m)^\s*(?:from|import) src\b")
        return not any(names.search(self.content(path)) for path in self.python if path.startswith("src/"))

    def module(self, name: str) -> Source | None:
        """The module of a dotted name, from the project's folder or from src/."""
        below = name.replace(".", "/")
        for start in ("", "src/"):
            for path in (f"{start}{below}.py", f"{start}{below}/__init__.py"):
                if self.has(path):
                    return self.source(path)
        return None

    def _load(self, path: str) -> bytes | None:
        # os.open, since pathlib and open() take longer than the read itself; non-blocking, because of FIFOs.
        try:
            file = os.open(f"{self._prefix}{path}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            info = os.fstat(file)
            size = info.st_size
            if not S_ISREG(info.st_mode) or size > _TEXT_BYTES or self._total + size > _TOTAL_BYTES:
                return None
            self._total += size
            return os.read(file, size)
        except OSError:
            return None
        finally:
            os.close(file)

    def _listed(self, folder: str) -> list[tuple[str, bool]]:
        try:
            with os.scandir(f"{self._prefix}{folder}") as items:
                return sorted((item.name, item.is_dir(follow_symlinks=False)) for item in items)
        except OSError:
            return []


def _may_be_module(pattern: str) -> bool:
    return pattern.endswith((".py", "*"))


@cache
def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Patterns that match whole components at the end of a path."""
    parts = (re.escape(pattern).replace(r"\*", "[^/]*") for pattern in patterns)
    return re.compile(rf"(?:^|/)(?:{'|'.join(parts)})$")


_HIDDEN = frozenset({".deploy", ".docker", ".kamal", ".do", ".platform", ".ebextensions"})


def _enters(name: str) -> bool:
    if name in ("node_modules", "venv", "env", "site-packages", "__pycache__", "bower_components"):
        return False
    return not name.startswith(".") or name in _HIDDEN
