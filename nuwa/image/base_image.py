"""The image of the bare distribution that all layers are built on."""

from __future__ import annotations

import os
import re
from typing import Literal

from nuwa.architecture import here
from nuwa.console import Progress
from nuwa.engine import Engine, Image
from nuwa.errors import BuildError, NuwaError
from nuwa.image import bootstrap
from nuwa.image.build_spec import Recipe

Choice = Literal["auto", "registry", "bootstrap"]
"""registry: pulled; bootstrap: made here from packages; auto: an existing one, else the first that works."""

VARIABLE = "NUWA_BASE_IMAGE"
"""Names an image of the release to use instead of the registry's: your own, or a mirror's copy."""

PULL_TIMEOUT_S = 600
SHORT_PULL_TIMEOUT_S = 60
"""Maximum seconds for a pull when there is another way to get the image."""


def chosen() -> str:
    """The image that `NUWA_BASE_IMAGE` names; empty if it is not set.

    Raises:
        BuildError: that is not the name of an image.
    """
    name = os.environ.get(VARIABLE, "").strip()
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", name):
        raise BuildError(
            f"{VARIABLE}={name} is not the name of an image",
            hint=f"Set it to a name such as registry.example.com/rockylinux:9, or unset {VARIABLE}.",
        )
    return name


def candidates(recipe: Recipe, choice: Choice) -> tuple[str, ...]:
    """The names under which a bare image may be here already, the preferred one first."""
    made, pulled = recipe.platform.bootstrap_image, _local(recipe.release.image, recipe)
    if choice == "bootstrap":
        return (made,)
    own = chosen()
    if own:
        return (own, _local(own, recipe)) if recipe.architecture else (own,)
    return (made, pulled) if choice == "auto" and recipe.release.codename else (pulled,)


def note_choice(recipe: Recipe, bare: str, progress: Progress) -> None:
    """Print a note if a build does not start from the image that its family names."""
    own = chosen()
    if own and bare in (own, _local(own, recipe)):
        progress.note(f"The layers start from {own} ({VARIABLE}), not from {recipe.release.image}.")


def is_usable(name: str, image: Image | None, recipe: Recipe) -> bool:
    """Whether an existing bare image can be built on: one made here has to be made as this version makes it,
    and a pulled one has to be for the right processor."""
    if name == recipe.platform.bootstrap_image:
        return bootstrap.is_current(image)
    return image is not None and image.architecture in ("", recipe.architecture or here())


def get(engine: Engine, recipe: Recipe, choice: Choice, progress: Progress) -> str:
    """Bring a bare image here and return its name.

    Raises:
        BuildError: no registry answered, and it cannot be made from packages either.
    """
    own = chosen()
    can_make = bool(recipe.release.codename) and not own
    if choice == "bootstrap":
        return bootstrap.ensure(engine, recipe.platform, progress)
    reference = own or recipe.release.image
    try:
        with progress.step(f"pull {reference}"):
            _pull(engine, reference, recipe, SHORT_PULL_TIMEOUT_S if can_make else PULL_TIMEOUT_S)
        return _local(reference, recipe)
    except NuwaError as error:
        if choice == "registry" or not can_make:
            raise (_missing(own, recipe, error) if own else _unreachable(reference, error)) from None
        progress.note(f"{reference} cannot be pulled; Debian is bootstrapped from packages instead.")
    return bootstrap.ensure(engine, recipe.platform, progress)


def _local(reference: str, recipe: Recipe) -> str:
    """The local name of a registry's image."""
    return recipe.platform.pulled_image(reference) if recipe.architecture else reference


def _pull(engine: Engine, reference: str, recipe: Recipe, timeout: float) -> None:
    """Pull an image. One for another processor gets a local name of its own: podman gives the registry's name
    to the image that was pulled last.
    """
    if not recipe.architecture:
        engine.pull(reference, timeout=timeout)
        return
    before = engine.image(reference)
    pulled = engine.pull(reference, "--platform", f"linux/{recipe.architecture}", timeout=timeout)
    found = engine.image(pulled)
    if found is None or found.architecture != recipe.architecture:
        raise NuwaError(f"{reference} is not for {recipe.architecture}")
    engine.tag(pulled, _local(reference, recipe))
    if before is None:
        engine.untag(pulled, reference)
    else:
        engine.tag(before.id, reference)


def _missing(reference: str, recipe: Recipe, error: NuwaError) -> BuildError:
    what = f" for {recipe.architecture}" if recipe.architecture else ""
    return BuildError(
        f"{reference}, which {VARIABLE} names, is not on this machine{what} and cannot be pulled",
        details=error.details or error.message,
        hint=f"List the local images (podman image ls), or unset {VARIABLE}.",
    )


def _unreachable(reference: str, error: NuwaError) -> BuildError:
    return BuildError(
        f"{reference} cannot be pulled",
        details=error.details or error.message,
        hint="Give this machine access to the registry or to a mirror of it (containers-registries.conf(5)), "
        f"set {VARIABLE} to an image of your own, "
        "or build on Debian, which can be made here from packages: nuwa build --family debian",
    )
