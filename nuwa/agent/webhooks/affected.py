"""Which services a push affects. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nuwa.agent.config import processes
from nuwa.agent.config.model import Process
from nuwa.agent.config.resolved import Loaded


@dataclass(frozen=True)
class Concern:
    """A service that lives in a repository.

    Args:
        build: the project to build, for a deployment; empty for a plain process, which is restarted.
        folder: the deployment's folder.
    """

    service: str
    build: str = ""
    folder: str = ""


def affected(
    loaded: Loaded, repository: str, changed: Collection[str], *, forced: bool = False
) -> list[Concern]:
    """The services in a repository that are affected by changed files.

    Args:
        repository: its folder, absolute.
        changed: absolute paths of files that are new, different or gone; a submodule's ends with a slash.
        forced: all services in the repository, whatever changed.
    """
    return [
        _concern(name, process, loaded.base)
        for name, process in loaded.config.processes.items()
        if lives_in(process, loaded.base, repository)
        and (forced or any(_touched(part, changed) for part in parts(process, loaded.base)))
    ]


def parts(process: Process, base: str) -> Iterator[str]:
    """The files and folders of a service, absolute."""
    if process.is_deployment:
        if process.source:
            yield processes.absolute(process.source, base)
    else:
        yield processes.script_path(process, base)
        yield processes.folder(process, base)
    for path in process.watch:
        yield processes.absolute(path, base)


def living_in(loaded: Loaded, repository: str) -> list[str]:
    """The services with files in a repository."""
    folder = processes.absolute(repository, loaded.base)
    known = loaded.config.processes.items()
    return [name for name, process in known if lives_in(process, loaded.base, folder)]


def lives_in(process: Process, base: str, repository: str) -> bool:
    """Whether a service, or something that it watches, is in a repository."""
    return any(_below(part, repository) for part in parts(process, base))


def scripts(loaded: Loaded, repository: str) -> dict[str, str]:
    """The scripts of plain processes in a repository, by service: commands may recompile them."""
    found = {
        name: processes.script_path(process, loaded.base)
        for name, process in loaded.config.processes.items()
        if not process.is_deployment
    }
    return {name: path for name, path in found.items() if _below(path, repository)}


def _concern(name: str, process: Process, base: str) -> Concern:
    if process.is_deployment:
        source, folder = (processes.absolute(path, base) for path in (process.source, process.deployment))
        return Concern(name, source, folder)
    return Concern(name)


def _touched(part: str, changed: Collection[str]) -> bool:
    return any(
        _below(path.rstrip("/"), part) or (path.endswith("/") and part.startswith(path)) for path in changed
    )


def _below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or is in it."""
    return path == folder or path.startswith(posixpath.join(folder, ""))
