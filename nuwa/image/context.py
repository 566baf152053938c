"""Which files of a project go into its image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from nuwa.errors import BuildError
from nuwa.image.tree import Entry, permissions
from nuwa.manifest.model import Image
from nuwa.names import PROJECT

NEVER = (
    *(".git", ".hg", ".svn", ".bzr", ".gitignore", ".gitattributes", ".gitmodules"),
    *("__pycache__", "*.py[co]", ".*_cache", ".cache", ".coverage", ".eggs", ".hypothesis", ".nox", ".tox"),
    *("*.egg-info", ".venv", "venv", "node_modules"),
    *(".env", ".env.*", ".envrc"),
    *(".idea", ".vscode", ".DS_Store", "*.swp", "*~"),
)
"""What never goes in, as in .gitignore: version control, caches, environments, secrets, editors' leavings."""


@dataclass(frozen=True)
class _Rules:
    """The lines of one .gitignore, which count from its folder on."""

    folder: str
    spec: GitIgnoreSpec

    def says(self, path: str) -> bool | None:
        """Whether it excludes the path; None: it says nothing about it. Folders end with a slash."""
        if not path.startswith(self.folder):
            return None
        return self.spec.check_file(path[len(self.folder) :]).include


def entries(project: Path, image: Image) -> list[Entry]:
    """The project's files below `/srv/app`.

    Raises:
        BuildError: a symbolic link leads out of the project, or a file cannot be read.
    """
    include = GitIgnoreSpec.from_lines(image.include)
    rules = [_Rules("", GitIgnoreSpec.from_lines(image.exclude)), _Rules("", GitIgnoreSpec.from_lines(NEVER))]
    try:
        found = sorted(_walk(project, "", rules, []))
        return [_entry(project, path) for path in found if include.match_file(path)]
    except OSError as error:
        raise BuildError(f"cannot read {error.filename}: {error.strerror}") from None


def _walk(project: Path, below: str, fixed: list[_Rules], ignores: list[_Rules]) -> Iterator[str]:
    """Paths of files and links, relative to the project."""
    here = project / below
    if (here / "pyvenv.cfg").is_file() and below:
        return
    ignores = [*ignores, *_read_ignores(here, below)]
    for item in os.scandir(here):
        is_folder = item.is_dir(follow_symlinks=False)
        path = f"{below}{item.name}" + ("/" if is_folder else "")
        if _excluded(path, fixed, ignores):
            continue
        if is_folder:
            yield from _walk(project, path, fixed, ignores)
        elif item.is_symlink() or item.is_file():
            yield path


def _read_ignores(folder: Path, below: str) -> list[_Rules]:
    file = folder / ".gitignore"
    if not file.is_file():
        return []
    return [_Rules(below, GitIgnoreSpec.from_lines(file.read_text(errors="surrogateescape").splitlines()))]


def _excluded(path: str, fixed: list[_Rules], ignores: list[_Rules]) -> bool:
    """The manifest and nuwa's own list go first; then the .gitignore that is nearest to the file."""
    if any(rules.says(path) for rules in fixed):
        return True
    said = (rules.says(path) for rules in reversed(ignores))
    return next((word for word in said if word is not None), False)


def _entry(project: Path, path: str) -> Entry:
    source = project / path
    inside = f"{PROJECT}/{path}"
    if not source.is_symlink():
        return Entry(inside, permissions(source), source)
    target = str(source.readlink())
    root = os.path.realpath(project)
    reached = os.path.normpath(os.path.join(os.path.realpath(source.parent), target))  # noqa: PTH118
    if os.path.isabs(target) or os.path.commonpath([root, reached]) != root:  # noqa: PTH117
        raise BuildError(
            f"{path} is a link to {target}, which is not in the image",
            hint="Make it a relative link inside the project, or leave it out with image.exclude.",
        )
    return Entry(inside, link=target)
