"""The temporary folder of a build, and the cleanup of everything that an interrupted build leaves behind.

An interrupted `podman build` leaves the processes of its RUN step, its working container and temporary files.
All of them can be recognised by the build's folder: it is mounted in the step, and named in the container.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nuwa.engine import Engine

_PREFIX = "nuwa-build-"


@contextmanager
def opened(engine: Engine) -> Iterator[Path]:
    """A folder for one build; once the block ends, in any way, nothing of the build is left but its image."""
    sweep_dead(engine)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    except BaseException:
        sweep(engine, folder)
        raise
    shutil.rmtree(folder)


def sweep(engine: Engine, folder: Path) -> None:
    """Remove a build's folder and everything that still belongs to it."""
    end_steps(folder)
    engine.remove_containers(*_working_containers(engine, folder))
    shutil.rmtree(folder, ignore_errors=True)


def sweep_dead(engine: Engine) -> None:
    """Clean up after builds whose process no longer exists because it was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        found = re.fullmatch(rf"{_PREFIX}(\d+)-\w+", folder.name)
        if found and not Path("/proc", found.group(1)).exists():
            sweep(engine, folder)


def end_steps(folder: Path) -> None:
    """Kill the processes of a RUN step: the build then fails and cleans up itself, which works best.

    podman's own processes see the mount as well, but run in this machine's PID namespace.
    """
    own = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - what it points to is not a path
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            inside = os.readlink(process / "ns" / "pid") != own  # noqa: PTH115 - what /proc shows there is not a path
            if inside and f"/{folder.name}/" in (process / "mountinfo").read_text():
                os.kill(int(process.name), signal.SIGKILL)


def _working_containers(engine: Engine, folder: Path) -> list[str]:
    mark = str(folder).encode()
    found = []
    for file in engine.graph_root.glob("*-containers/*/userdata/buildah.json"):
        with suppress(OSError):
            if mark in file.read_bytes():
                found.append(file.parent.parent.name)
    return found
