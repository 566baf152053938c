"""The result of a build: an image with its layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltLayer:
    """One layer of a finished image."""

    name: str
    tag: str
    id: str
    cached: bool
    """It was up to date, so it was not built."""
    seconds: float


@dataclass(frozen=True)
class Built:
    """An app's image, with its base layers, the lowest first."""

    tag: str
    id: str
    layers: tuple[BuiltLayer, ...]
    seconds: float
    looked_at: dict[str, str]
    """The ids of the images that determined the result, by name; an empty id: no such image exists.
    Empty if something outside the project determined it too."""
