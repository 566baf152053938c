"""What a build made: an image with its layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltLayer:
    """One layer of a finished image."""

    name: str
    tag: str
    id: str
    cached: bool
    """Nothing had changed, so it was not built."""
    seconds: float


@dataclass(frozen=True)
class Built:
    """An app's image, with its base layers, the lowest first."""

    tag: str
    id: str
    layers: tuple[BuiltLayer, ...]
    seconds: float
    looked_at: dict[str, str]
    """The ids of the images that decided what was built, by their names; an empty id: it is not there.
    No name at all where something outside the project decided as well."""
