"""Which files of a project go into its image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from nuwa.errors import BuildError
from nuwa.image import git
from nuwa.image.layer_tree import Entry, permissions
from nuwa.manifest.image import Image
from nuwa.names import PROJECT

NEVER = (
    *(".git", ".hg", ".svn", ".bzr", ".gitignore", ".gitattributes", ".gitmodules"),
    *("__pycache__", "*.py[co]", ".*_cache", ".cache", ".coverage", ".eggs", ".hypothesis", ".nox", ".tox"),
    *("*.egg-info", ".venv", "venv", "node_modules"),
    *(".env", ".env.*", ".envrc"),
    *(".idea", ".vscode", ".DS_Store", "*.swp", "*~"),
)
"""Always left out, as .gitignore patterns: version control, caches, environments, secrets, editors' files."""


@dataclass(frozen=True)
class _Rules:
    """The rules of one .gitignore, which apply to its folder and below."""

    folder: str
    spec: GitIgnoreSpec

    def says(self, path: str) -> bool | None:
        """Whether it excludes the path; None: no rule matches. Folders end with a slash."""
        if not path.startswith(self.folder):
            return None
        return self.spec.check_file(path[len(self.folder) :]).include


@dataclass(frozen=True)
class Selection:
    """Which files of a project go into its image."""

    paths: tuple[str, ...]
    """Files and links, relative to the project, sorted."""
    left_out: tuple[str, ...]
    """Files and folders (with a slash) that .gitignore excludes and that nothing includes again, sorted."""


def entries(project: Path, image: Image, never: Sequence[str] = NEVER) -> list[Entry]:
    """The project's files below `/srv/app`.

    Args:
        never: what is left out regardless of `image`, as .gitignore patterns.

    Raises:
        BuildError: a symbolic link points outside the project, or a file cannot be read.
    """
    return [_entry(project, path) for path in select(project, image, never).paths]


def select(project: Path, image: Image, never: Sequence[str] = NEVER) -> Selection:
    """Decide about each file of a project.

    Files that git tracks are part of the project, whatever .gitignore says. Of the other files that it
    excludes, one goes in if `image.include` asks for it: by a path, or by a pattern that adds to `"*"`.

    Raises:
        BuildError: a folder or a .gitignore cannot be read.
    """
    try:
        walk = _Walk.of(project, image, never)
        paths = tuple(sorted(walk.files("", [], "")))
    except OSError as error:
        raise BuildError(f"cannot read {error.filename}: {error.strerror}") from None
    there = _with_folders(paths)
    return Selection(paths, tuple(sorted(path for path in walk.ignored if path not in there)))


_EVERYTHING = frozenset({"*", "/*", "**", "/**", "**/*"})
_WILDCARDS = re.compile(r"[*?\[]")


@dataclass
class _Walk:
    """One traversal of a project's folders."""

    project: Path
    include: GitIgnoreSpec
    asked: GitIgnoreSpec
    """The patterns of `image.include` that override .gitignore."""
    fixed: tuple[_Rules, ...]
    tracked: frozenset[str]
    """Files that git tracks, and the folders (with a slash) that contain any."""
    ignored: list[str] = field(default_factory=list)
    """What .gitignore excludes: of nested paths, only the topmost."""

    @classmethod
    def of(cls, project: Path, image: Image, never: Sequence[str]) -> _Walk:
        adds = any(pattern in _EVERYTHING for pattern in image.include)
        asked = [
            pattern
            for pattern in image.include
            if pattern not in _EVERYTHING and (adds or not _WILDCARDS.search(pattern))
        ]
        files = git.tracked(project) or frozenset()
        return cls(
            project,
            GitIgnoreSpec.from_lines(image.include),
            GitIgnoreSpec.from_lines(asked),
            (
                _Rules("", GitIgnoreSpec.from_lines(image.exclude)),
                _Rules("", GitIgnoreSpec.from_lines(never)),
            ),
            _with_folders(files),
        )

    def files(self, below: str, ignores: list[_Rules], ignored: str) -> Iterator[str]:
        """Paths of the files and links below a folder that go in.

        Args:
            below: the folder, empty or with a slash at its end.
            ignores: the rules of each .gitignore from the top to the parent folder.
            ignored: the topmost folder above this one that .gitignore excludes; empty: none.
        """
        here = self.project / below
        if (here / "pyvenv.cfg").is_file() and below:
            return
        ignores = [*ignores, *_read_ignores(here, below)]
        for item in os.scandir(here):
            is_folder = item.is_dir(follow_symlinks=False)
            path = f"{below}{item.name}" + ("/" if is_folder else "")
            if any(rules.says(path) for rules in self.fixed):
                continue
            top = ignored or (path if _excluded(path, ignores) else "")
            if top == path:
                self.ignored.append(path)
            if is_folder:
                if not top or path in self.tracked or self.asked.patterns:
                    yield from self.files(path, ignores, top)
            elif (item.is_symlink() or item.is_file()) and self._goes_in(path, top):
                yield path

    def _goes_in(self, path: str, ignored: str) -> bool:
        if not self.include.match_file(path):
            return False
        return not ignored or path in self.tracked or self._is_asked_for(path, ignored)

    def _is_asked_for(self, path: str, ignored: str) -> bool:
        """Whether a pattern matches this file or an ignored folder above it, not just a folder further up."""
        above = ignored.rstrip("/").rpartition("/")[0]
        return self.asked.match_file(path) and not (above and self.asked.match_file(f"{above}/"))


def _with_folders(paths: Iterable[str]) -> frozenset[str]:
    """The paths, and all of their parent folders (with a slash)."""
    return frozenset(
        part for path in paths for part in (path, *(f"{parent}/" for parent in PurePosixPath(path).parents))
    )


def _read_ignores(folder: Path, below: str) -> list[_Rules]:
    file = folder / ".gitignore"
    if not file.is_file():
        return []
    return [_Rules(below, GitIgnoreSpec.from_lines(file.read_text(errors="surrogateescape").splitlines()))]


def _excluded(path: str, ignores: list[_Rules]) -> bool:
    """Whether the path is ignored; the .gitignore nearest to the file decides."""
    said = (rules.says(path) for rules in reversed(ignores))
    return next((word for word in said if word is not None), False)


def _entry(project: Path, path: str) -> Entry:
    source = project / path
    inside = f"{PROJECT}/{path}"
    if not source.is_symlink():
        return Entry(inside, permissions(source), source)
    target = str(source.readlink())
    root = os.path.realpath(project)
    reached = os.path.normpath(os.path.join(os.path.realpath(source.parent), target))  # noqa: PTH118 - as text: the target need not exist
    if os.path.isabs(target) or os.path.commonpath([root, reached]) != root:  # noqa: PTH117 - as text, as above
        raise BuildError(
            f"{path} is a link to {target}, which is not in the image",
            hint="Make it a relative link inside the project, or leave it out with image.exclude.",
        )
    return Entry(inside, link=target)
