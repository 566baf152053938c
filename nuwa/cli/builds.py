"""Builds for `nuwa build` and `nuwa deploy`: if nothing has changed, the existing image is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.engine import Engine
    from nuwa.image.base_image import Choice
    from nuwa.image.built import Built
    from nuwa.image.unchanged import Memory
    from nuwa.manifest.model import App


@dataclass(frozen=True)
class Wanted:
    """The build that a command line asks for; both commands share what they remember."""

    project: Path
    family: str | None = None
    release: str = ""
    version: str = ""
    base: Choice = "auto"
    architecture: str = ""

    def memory(self) -> Memory:
        """Create this before the manifest is read: later changes are then not taken for known."""
        from nuwa.image.unchanged import Memory

        words = (self.family or "", self.release, self.version, self.base, self.architecture)
        return Memory(self.project, words)


def built(
    wanted: Wanted,
    memory: Memory,
    app: Callable[[], App],
    engine: Callable[[], Engine],
    progress: Progress,
    *,
    fresh: bool = False,
) -> Built:
    """Build a project's image, or return the existing one if nothing has changed.

    Args:
        app: returns its manifest; called only if something has changed.
        engine: returns the podman to build with.
        fresh: rebuild every layer.
    """
    known = None if fresh else memory.recall(engine)
    if known:
        return known
    from nuwa.image.build import Options, build

    options = Options(base=wanted.base, fresh=fresh, architecture=wanted.architecture)
    made = build(app(), wanted.project, options, engine(), progress)
    memory.keep(made)
    return made
