"""Values of a manifest that do not fit together, as rules report them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nuwa.manifest.positions import Path, dotted

Given = Callable[[Path], bool]
"""Whether the document itself sets a path, rather than leaving it to the default."""


@dataclass(frozen=True)
class Finding:
    """Values that do not fit together.

    Args:
        about: the paths involved. The finding is reported at the first; it is not reported at all if the
            value at one of them is invalid by itself.
    """

    about: tuple[Path, ...]
    message: str
    hint: str = ""


def twice(paths: Iterable[tuple[Path, str]]) -> Iterator[Finding]:
    """A finding for each value that occurs again.

    Args:
        paths: paths, each with a value that must be unique among them.
    """
    seen: dict[str, Path] = {}
    for path, value in paths:
        if value in seen:
            yield Finding((path, seen[value]), f'"{value}" is already listed: {dotted(seen[value])}')
        seen.setdefault(value, path)
