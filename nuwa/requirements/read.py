"""A project's requirements, read but not yet resolved, as files that a build can install from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from nuwa.errors import BuildError, CommandError
from nuwa.manifest.checks import PROJECT_FILES
from nuwa.process import run
from nuwa.requirements import kinds, locks, text
from nuwa.requirements.project_file import required
from nuwa.requirements.text import Line, Target

FOLDER = "requirements"
"""Where the files are below `/mnt` in a build."""
COPY = "/tmp/requirements"  # noqa: S108 - inside a build
"""Where a build copies them before it builds folders of the project: build backends write into those."""

Select = Callable[[Path], Iterable[str]]
"""Returns the files of a package's folder that belong to the package, relative to it."""


@dataclass(frozen=True)
class Requirements:
    """The requirements of a project, read but not yet resolved."""

    words: tuple[str, ...] = ()
    """The last arguments of the command that installs them; empty: there are none."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path below `/mnt`. These files alone decide what is installed."""
    variables: tuple[str, ...] = ()
    """Variables of the build machine's environment that the files name, such as a token for an index."""
    builds: bool = False
    """Something has to be built: a folder of the project, or a repository."""


def read(project: Path, name: str, select: Select, groups: Sequence[str] = ()) -> Requirements:
    """The requirements in a file of the project.

    Args:
        project: its folder.
        name: the file; empty: the first of `kinds.KINDS` that is there and names requirements.
        select: which files of a local package are copied into the build.
        groups: extras and dependency groups to install as well.

    Raises:
        BuildError: the file is missing, cannot be read, or requires something that an image cannot have.
    """
    project = project.resolve()
    name = name or kinds.find(project)
    if not name:
        return Requirements()
    if not (project / name).is_file():
        raise BuildError(
            f"{name} is not in {project}", hint="Name the file of the requirements in image.requirements."
        )
    reading = _Reading(project, select)
    words = reading.whole(name, tuple(groups))
    return Requirements(words, reading.files, tuple(sorted(reading.variables)), reading.builds)


@dataclass
class _Reading:
    """One pass over a project's requirements files."""

    project: Path
    select: Select
    files: dict[str, bytes] = field(default_factory=dict)
    variables: set[str] = field(default_factory=set)
    builds: bool = False

    def whole(self, name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
        """Read a file of any kind; returns the installer's arguments for it."""
        kind = posixpath.basename(name)
        if kind == "uv.lock":
            return self._written(f"{kind}.txt", _uv_export(self.project, name, groups), self._root(name))
        if kind in _LOCKS:
            locked = _LOCKS[kind]((self.project / name).parent, kind, groups)
            below = (self.project / name).parent
            words = self._written(f"{kind}.txt", locked.lines, below)
            return words + (
                self._written("constraints.txt", locked.constraints, below, "-c")
                if locked.constraints
                else ()
            )
        if kind.startswith("pylock."):
            self.files[f"{FOLDER}/{name}"] = (self.project / name).read_bytes()
            return ("-r", f"/mnt/{FOLDER}/{name}")
        if kind in PROJECT_FILES:
            below = (self.project / name).parent
            return self._written(f"{kind}.txt", required(below, kind, groups), below)
        if groups:
            raise BuildError(
                f"image.groups names {', '.join(groups)}, and {name} has no groups",
                hint="Leave image.groups out, or set image.requirements to a file that has them.",
            )
        self._list(name)
        return ("-r", f"/mnt/{FOLDER}/{name}")

    def _root(self, name: str) -> Path:
        return (self.project / name).parent.resolve()

    def _written(self, name: str, lines: Iterable[str], below: Path, option: str = "-r") -> tuple[str, ...]:
        """Add a list made from another file; local paths in it are relative to the folder `below`."""
        text_lines = text.lines("\n".join(lines))
        kept = [rewritten for line in text_lines if (rewritten := self._line(name, line, below))]
        self.files[f"{FOLDER}/{name}"] = "".join(f"{line}\n" for line in kept).encode()
        return (option, f"/mnt/{FOLDER}/{name}")

    def _list(self, name: str) -> None:
        """Add a requirements.txt and whatever it includes, each once."""
        place = f"{FOLDER}/{name}"
        if place in self.files:
            return
        path = self.project / name
        if not path.resolve().is_relative_to(self.project) or not path.is_file():
            raise BuildError(f"{name}, which the requirements include, is not in the project")
        self.files[place] = b""
        lines = text.lines(text.decode(path.read_bytes()))
        kept = [rewritten for line in lines if (rewritten := self._line(name, line, path.parent))]
        self.files[place] = "".join(f"{line}\n" for line in kept).encode()

    def _line(self, name: str, line: Line, below: Path) -> str:
        """A line as rewritten for the build; empty: the build does not need it."""
        self.variables |= set(text.VARIABLE.findall(line.text))
        where = f"{name}:{line.number}"
        if line.option in ("--requirement", "--constraint"):
            return self._included(line, below)
        if line.option == "--find-links":
            return self._find_links(where, line, below)
        if line.option == "--editable":
            target = text.target(line.value) or Target("", line.value)
        else:
            found = text.target(line.text)
            if found is None:
                return line.text
            target = found
        return self._target(where, target, below)

    def _included(self, line: Line, below: Path) -> str:
        if "://" in line.value:
            return f"{line.option} {line.value}"
        name = posixpath.relpath(posixpath.normpath(below / line.value), self.project)
        if posixpath.basename(name) in PROJECT_FILES:
            self.whole(name, ())
            return f"{line.option} /mnt/{FOLDER}/{posixpath.basename(name)}.txt"
        self._list(name)
        return f"{line.option} /mnt/{FOLDER}/{name}"

    def _find_links(self, where: str, line: Line, below: Path) -> str:
        if "://" in line.value and not line.value.startswith("file:"):
            return f"{line.option} {line.value}"
        folder, inside = self._inside(where, line.value, below)
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if Target("", path.name).is_archive:
                    self.files[f"{FOLDER}/{inside}/{path.name}"] = path.read_bytes()
        else:
            self.files[f"{FOLDER}/{inside}"] = folder.read_bytes()
        return f"{line.option} /mnt/{FOLDER}/{inside}"

    def _target(self, where: str, target: Target, below: Path) -> str:
        name = f"{target.name}{target.extras} @ " if target.name else ""
        extras = "" if target.name else target.extras
        if not target.is_local:
            self.builds |= target.is_repository
            return f"{name}{target.place}{extras}{target.rest}"
        path, inside = self._inside(where, target.place, below)
        if path.is_file():
            self.files[f"{FOLDER}/{inside}"] = path.read_bytes()
            self.builds |= not inside.endswith(".whl")
            return f"{name}/mnt/{FOLDER}/{inside}{extras}{target.rest}"
        if path == self.project:
            return self._of_project(target)
        self._carry(where, path, inside)
        return f"{name}{COPY}/{inside}{extras}{target.rest}"

    def _of_project(self, target: Target) -> str:
        """`-e .`: the project is on the import path anyway, so only its requirements count."""
        kind = next((kind for kind in PROJECT_FILES if (self.project / kind).is_file()), "")
        if not kind:
            return ""
        groups = tuple(word.strip() for word in target.extras.strip("[]").split(",") if word.strip())
        words = self._written(f"project-{kind}.txt", required(self.project, kind, groups), self.project)
        return " ".join(words)

    def _carry(self, where: str, folder: Path, inside: str) -> None:
        """Copy a package of the project into the build, which then builds it."""
        if not any((folder / kind).is_file() for kind in PROJECT_FILES):
            raise BuildError(
                f"{where}: {folder.name} is not a Python package: it lacks all of {', '.join(PROJECT_FILES)}"
            )
        for path in self.select(folder):
            if (folder / path).is_file():
                self.files[f"{FOLDER}/{inside}/{path}"] = (folder / path).read_bytes()
        self.builds = True

    def _inside(self, where: str, place: str, below: Path) -> tuple[Path, str]:
        """A path that a line names, and where it is below `FOLDER`; the project's folder is tried first."""
        named = re.sub(r"^file:(?://(?=/))?", "", place) if place.startswith("file:") else place
        named = unquote(named).replace("${PROJECT_ROOT}/", "")
        candidates = [(folder / named).resolve() for folder in (self.project, below)]
        path = next((path for path in candidates if path.exists()), candidates[0])
        root = self.project if path.is_relative_to(self.project) else below.resolve()
        if not path.is_relative_to(root):
            raise BuildError(
                f"{where}: {place} is outside the project, so a build cannot use it",
                hint="Move it into the project, or publish it where the build can get it.",
            )
        if not path.exists():
            raise BuildError(f"{where}: {place} is not in the project")
        return path, f"local/{path.relative_to(root).as_posix()}"


_LOCKS = {"poetry.lock": locks.poetry, "pdm.lock": locks.pdm, "Pipfile.lock": locks.pipenv}


def _uv_export(project: Path, name: str, groups: Sequence[str]) -> list[str]:
    """A uv.lock as exact versions with checksums; packages of the workspace by their paths."""
    import uv

    argv = [uv.find_uv_bin(), "export", "--frozen", "--no-dev", "--no-emit-project", "--no-editable"]
    argv += ["--no-header", "--no-annotate", "--quiet", "--project", str(project)]
    document = kinds.load_toml(project / "pyproject.toml")
    extras = kinds.table(document, "project", "optional-dependencies")
    for group in groups:
        argv += ["--extra" if group in extras else "--group", group]
    try:
        exported = run(argv, cwd=(project / name).parent, timeout=300).stdout
    except CommandError as error:
        raise BuildError(f"{name} cannot be read", details=error.output, hint="Run uv lock.") from None
    return [*_indexes(document), *exported.splitlines()]


def _indexes(document: dict[str, object]) -> list[str]:
    """Indexes that pyproject.toml names for uv."""
    listed = kinds.table(document, "tool", "uv").get("index")
    found = [index for index in listed if isinstance(index, dict)] if isinstance(listed, list) else []
    return [
        f"{'--index-url' if index.get('default') else '--extra-index-url'} {index['url']}"
        for index in found
        if isinstance(index.get("url"), str)
    ]
