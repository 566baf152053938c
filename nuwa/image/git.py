"""What git knows about a project that is built: which files it tracks, and when it was last committed.

The project may belong to a user other than the one that builds it, so git is told to read it anyway,
and to run nothing that the repository's configuration names. A copy of a project on another machine has
no repository: there, a file provides what git said here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nuwa.errors import NuwaError
from nuwa.process import run

_OPTIONS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_TIMEOUT_S = 60
STATE = "NUWA_GIT_STATE"
"""The variable with the path of a file written by `state`, for builds of a copy without its repository."""


def tracked(project: Path) -> frozenset[str] | None:
    """Paths, relative to the project, of the files in it that git tracks, including those of submodules.

    Returns:
        None where there is no repository, or git cannot read it.
    """
    if STATE in os.environ:
        return frozenset(_told()["tracked"])
    listed = _git(project, "ls-files", "-z", "--cached", "--recurse-submodules")
    return None if listed is None else frozenset(path for path in listed.split("\0") if path)


def commit_time(project: Path) -> int | None:
    """Seconds since 1970 of the last commit to the project; None: there is no commit."""
    if STATE in os.environ:
        committed: int | None = _told()["commit_time"]
        return committed
    shown = _git(project.resolve(), "log", "-1", "--format=%ct", "--", ".")
    text = (shown or "").strip()
    return int(text) if text.isdecimal() else None


def state(project: Path, paths: Collection[str], time: int) -> str:
    """What a build of a copy needs to know from git, as the content of the file that `STATE` names there.

    Args:
        paths: the files of the copy, relative to the project.
        time: seconds since 1970, in place of the last commit's.
    """
    known = sorted((tracked(project) or frozenset()).intersection(paths))
    return json.dumps({"tracked": known, "commit_time": time}, ensure_ascii=True)


def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Path(os.environ[STATE]).read_text())
    return told


def _git(project: Path, *words: str) -> str | None:
    project = project.resolve()
    if not any((folder / ".git").exists() for folder in (project, *project.parents)):
        return None
    try:
        done = run(["git", *_OPTIONS, "-C", str(project), *words], check=False, timeout=_TIMEOUT_S)
    except NuwaError:
        return None
    return done.stdout if done.ok else None
