"""Fills in what a manifest leaves to the family of images: the release and the Python version.

The families are defined in `nuwa.image`; this package knows them only as an `Offer`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from nuwa.manifest.finding import Finding
from nuwa.manifest.model import App


class Offer(Protocol):
    """What this package needs to know about a family of images."""

    @property
    def name(self) -> str:
        """As in `image.family`."""

    @property
    def releases(self) -> Sequence[str]:
        """The releases that it offers, the default one first."""

    def pythons(self, release: str) -> Sequence[str]:
        """The Python versions that a release offers, the default one first."""


Offers = Callable[[str], Offer]
"""Returns a family by its name: `nuwa.image.families.load`."""


def resolve(app: App, offer: Offer) -> App:
    """`app` with its release and Python filled in where it left them empty."""
    release = app.image.release or offer.releases[0]
    python = app.image.python or offer.pythons(release)[0]
    return dataclasses.replace(app, image=dataclasses.replace(app.image, release=release, python=python))


def findings(app: App, offer: Offer) -> Iterator[Finding]:
    """What the manifest asks for and the family does not offer, with what it offers instead."""
    image = app.image
    if image.release and image.release not in offer.releases:
        yield Finding(
            (("image", "release"), ("image", "family")),
            f"{offer.name} {image.release} is not offered",
            f"releases of {offer.name}: {', '.join(offer.releases)}",
        )
        return
    release = image.release or offer.releases[0]
    if image.python and image.python not in offer.pythons(release):
        yield Finding(
            (("image", "python"), ("image", "family"), ("image", "release")),
            f"Python {image.python} is not offered by {offer.name} {release}",
            f"Python versions of {offer.name} {release}: {', '.join(offer.pythons(release))}",
        )
