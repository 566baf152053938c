"""Remembers what an image was built from: if nothing changed, a build reads no file and renders nothing.

Files count as unchanged while their inode, size, and the times of content and inode are the same, as in
git's index. A file that changed just before it was inspected is not trusted: its next change could have the
same time. Other inputs are the words of the command, nuwa itself, what git tracks, and the images that podman
has under the names of the layers. If something outside the project is an input, nothing is remembered.
"""

from __future__ import annotations

import json
import os
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

from nuwa import files
from nuwa.engine import Engine
from nuwa.image import git
from nuwa.image.built import Built, BuiltLayer
from nuwa.manifest.checks import PROJECT_FILES
from nuwa.resources import BIN_TEMPLATES, IMAGES, PACKAGE, TEMPLATES, cache_folder

TICK_NS = 50_000_000
"""Nanoseconds within which two changes of a file may have the same timestamp."""
_COARSE_TICK_NS = 2_000_000_000
"""The same on a file system whose timestamps have a resolution of one second."""
_DECIDE_ELSEWHERE = ("NUWA_PINS", "NUWA_BASE_IMAGE", git.STATE)
"""Variables that name an input outside the project."""
_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__"})


class Memory:
    """What one command line of `nuwa build` built from one project the last time."""

    def __init__(self, project: Path, words: Sequence[str]) -> None:
        self._project = project.resolve()
        self._words = list(words)
        name = sha256(json.dumps([str(self._project), self._words]).encode()).hexdigest()[:32]
        self._file = cache_folder() / "builds" / f"{name}.json"
        self._begun = time.time_ns()
        self._seen = self._look()

    def recall(self, detect: Callable[[], Engine]) -> Built | None:
        """The previous result, if a build would produce it again; every layer counts as cached.

        Args:
            detect: returns the podman that may have it; called only if nothing else has changed.
        """
        try:
            kept = json.loads(self._file.read_text())
            layers = tuple(BuiltLayer(**layer) for layer in kept["built"].pop("layers"))
            built = Built(**kept["built"], layers=layers)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not self._seen or kept.get("seen") != self._seen:
            return None
        if not _stand(detect(), built.looked_at):
            return None
        seconds = (time.time_ns() - self._begun) / 1e9
        cached = (replace(layer, cached=True, seconds=0.0) for layer in built.layers)
        return replace(built, layers=tuple(cached), seconds=seconds)

    def keep(self, built: Built) -> None:
        """Remember what was built from the files as they were when this object was created."""
        if self._seen and built.looked_at:
            files.write_json(self._file, {"seen": self._seen, "built": asdict(built)})

    def _look(self) -> str:
        """A checksum of all inputs; empty: it cannot be trusted."""
        if any(name in os.environ for name in _DECIDE_ELSEWHERE):
            return ""
        whole = sha256(json.dumps([self._words, _variables()]).encode())
        whole.update(
            repr((sorted(git.tracked(self._project) or ()), git.commit_time(self._project))).encode()
        )
        try:
            for folder in (self._project, PACKAGE, IMAGES, TEMPLATES, BIN_TEMPLATES):
                for path, seen in (*_files(str(folder), top=True), *_above(folder)):
                    if _is_recent(seen, self._begun):
                        return ""
                    whole.update(repr((path, seen)).encode(errors="surrogateescape"))
        except OSError:
            return ""
        # Installing or upgrading packages next to nuwa changes this folder.
        whole.update(str(Path(sysconfig.get_path("purelib")).stat().st_mtime_ns).encode())
        return whole.hexdigest()


def _stand(engine: Engine, images: Mapping[str, str]) -> bool:
    """Whether podman has all these images under these names, and none if the id is empty."""
    listed = engine.listed()
    if all(listed.get(name, "") == image for name, image in images.items()):
        return True
    found = engine.image_inspect(*images)
    return {name: image.id if image else "" for name, image in found.items()} == images


def _variables() -> dict[str, str]:
    decide = ("NUWA_", "SOURCE_DATE_EPOCH")
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(decide)}


def _is_recent(seen: tuple[int, ...], now: int) -> bool:
    """Whether the next change of a file could have the same timestamp as its last one."""
    *_, content, inode = seen
    tick = TICK_NS if inode % 1_000_000_000 else _COARSE_TICK_NS
    return max(content, inode) > now - tick


def _files(folder: str, *, top: bool = False) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Everything in a folder that can go into an image, with its metadata.

    Args:
        top: include the folder even if it looks like a virtual environment.
    """
    items = sorted(os.scandir(folder), key=lambda item: item.name)
    there = {item.name for item in items}
    if "pyvenv.cfg" in there and not top and there.isdisjoint(PROJECT_FILES):
        return
    for item in items:
        if item.is_dir(follow_symlinks=False):
            if item.name not in _LEFT_OUT:
                yield from _files(item.path)
            continue
        yield item.path, _seen(item.stat(follow_symlinks=False))
        if item.is_symlink() and Path(item.path).exists():
            yield item.path, _seen(item.stat())


def _above(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Files that may make a project a member of a workspace, whose lock then applies."""
    for path in (above / name for above in folder.parents for name in ("pyproject.toml", "uv.lock")):
        if path.is_file():
            yield str(path), _seen(path.stat())


def _seen(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
