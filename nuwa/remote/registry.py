"""An image in a registry, and the reference by which hosts pull exactly that image."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nuwa.architecture import here
from nuwa.engine import Engine
from nuwa.errors import CommandError, NuwaError


def tag(version: str, architecture: str) -> str:
    """An image's tag in the registry; one for another processor does not replace this machine's."""
    return version if architecture in ("", here()) else f"{version}-{architecture}"


def push(engine: Engine, image: str, destination: str) -> str:
    """Push an image and return its reference by digest.

    Args:
        image: its id.
        destination: `registry.example.com/team/blog:latest`.

    Raises:
        NuwaError: the registry cannot be reached, or rejects the image.
    """
    with tempfile.TemporaryDirectory(prefix="nuwa-push-") as folder:
        digest = Path(folder, "digest")
        try:
            # In this format the image keeps its health check, and with it its id.
            engine.push(
                image, f"docker://{destination}", "--quiet", "--format=v2s2", f"--digestfile={digest}"
            )
        except CommandError as error:
            raise NuwaError(
                f"{destination} could not be pushed",
                details=error.output,
                hint=f"podman login {destination.partition('/')[0]}, if it wants to know who you are.",
            ) from None
        return f"{destination.rpartition(':')[0]}@{digest.read_text().strip()}"
