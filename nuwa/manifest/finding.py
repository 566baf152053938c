"""What does not fit together in a manifest, as rules find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nuwa.manifest.positions import Path, dotted

Given = Callable[[Path], bool]
"""Whether the document itself holds a path, or the default speaks there."""


@dataclass(frozen=True)
class Finding:
    """Values that do not fit together.

    Args:
        about: the paths that were looked at; the first is where the finding is reported, and a finding
            about a path that is broken in itself is not reported at all.
    """

    about: tuple[Path, ...]
    message: str
    hint: str = ""


def twice(paths: Iterable[tuple[Path, str]]) -> Iterator[Finding]:
    """A finding for each value that is there a second time.

    Args:
        paths: the paths of values that differ from each other, with the values.
    """
    seen: dict[str, Path] = {}
    for path, value in paths:
        if value in seen:
            yield Finding((path, seen[value]), f'"{value}" is already listed: {dotted(seen[value])}')
        seen.setdefault(value, path)
