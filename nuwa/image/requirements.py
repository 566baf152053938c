"""What a project requires of Python, in whichever file it says so."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.errors import BuildError, CommandError
from nuwa.process import run

KINDS = ("uv.lock", "requirements.txt", "pyproject.toml")
"""The files that are looked for, in this order."""
FOLDER = "requirements"
"""Where they lie below `/mnt` in a build."""
_OTHER_FILE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)")
_EDITABLE = re.compile(r"^\s*(?:-e|--editable)[\s=]")
_LOCAL = re.compile(r"^\s*(?:\.{1,2}(?:/|\s|$|\[)|[\w.-]+(?:\[[^]]*\])?\s*@\s*(?:file:|\.{1,2}/))")


@dataclass(frozen=True)
class Requirements:
    """The requirements of a project, read but not yet resolved."""

    words: tuple[str, ...] = ()
    """The end of the command line that installs them; empty: there are none."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path below `/mnt`. They decide what is installed, and nothing else does."""


def read(project: Path, name: str) -> Requirements:
    """The requirements in the file `name` of the project; empty: in the first of `KINDS` that is there.

    Raises:
        BuildError: the file is missing, or requires something that an image cannot have.
    """
    name = name or next((kind for kind in KINDS if (project / kind).is_file()), "")
    if not name:
        return Requirements()
    if not (project / name).is_file():
        raise BuildError(
            f"{name} is not in {project}", hint="Name the file of the requirements in image.requirements."
        )
    if Path(name).name == "uv.lock":
        return _locked(project, name)
    return _listed(project, name)


def _listed(project: Path, name: str) -> Requirements:
    """A requirements.txt with all that it includes, or the dependencies in a pyproject.toml."""
    files = dict(_with_included(project, name, set()))
    return Requirements(("-r", f"/mnt/{FOLDER}/{name}"), files)


def _with_included(project: Path, name: str, seen: set[str]) -> Iterator[tuple[str, bytes]]:
    if name in seen:
        return
    seen.add(name)
    path = project / name
    if not path.resolve().is_relative_to(project.resolve()) or not path.is_file():
        raise BuildError(f"{name}, which the requirements include, is not in the project")
    content = path.read_bytes()
    yield f"{FOLDER}/{name}", content
    if path.suffix == ".toml":
        return
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        _refuse_local(f"{name}:{number}", line)
        other = _OTHER_FILE.match(line)
        if other and "://" not in other.group(1):
            below = posixpath.normpath(posixpath.join(posixpath.dirname(name), other.group(1)))
            yield from _with_included(project, below, seen)


def _refuse_local(where: str, line: str) -> None:
    if _EDITABLE.match(line) or _LOCAL.match(line):
        raise BuildError(
            f"{where}: {line.strip()} is installed from this machine's disk, which the image does not have",
            hint="Leave it out: the project is on the path without it. Publish what lies elsewhere.",
        )


def _locked(project: Path, name: str) -> Requirements:
    """A uv.lock, exported as hashes of exact versions."""
    import uv

    folder = (project / name).parent
    argv = [
        uv.find_uv_bin(),
        "export",
        "--frozen",
        "--no-dev",
        "--no-emit-workspace",
        "--no-header",
        "--no-annotate",
    ]
    try:
        exported = run([*argv, "--project", str(folder), "--quiet"], cwd=folder, timeout=300).stdout
    except CommandError as error:
        raise BuildError(f"{name} cannot be read", details=error.output, hint="Run uv lock.") from None
    path = f"{FOLDER}/uv.lock.txt"
    return Requirements(("-r", f"/mnt/{path}"), {path: exported.encode()})
