"""Builds as `nuwa build` and `nuwa deploy` have them: where nothing has changed, the image that was built."""

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
    """What the words of a command line ask for; both commands remember the same."""

    project: Path
    family: str | None = None
    release: str = ""
    version: str = ""
    base: Choice = "auto"
    architecture: str = ""

    def memory(self) -> Memory:
        """To be made before the manifest is read: what changes afterwards is not taken for known."""
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
    """Build a project's image, or remember that it stands.

    Args:
        app: gives its manifest; called where something has changed.
        engine: gives the podman to build with.
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
