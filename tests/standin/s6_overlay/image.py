"""An image of nuwa's with s6-overlay in the place of nuwa-init: one more layer on an image of Debian's."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from nuwa import names
from nuwa.engine import Engine
from nuwa.image import layer_tree, layers, pins
from nuwa.image.build_spec import Recipe
from nuwa.manifest.model import App
from nuwa.resources import IMAGES
from tests.standin.s6_overlay.pack import pack

DEBIAN_S_S6 = ("/usr/bin/s6-*", "/usr/bin/execlineb", "/usr/lib/execline", "/command")


def given_archives() -> Path | None:
    """The folder that NUWA_DOWNLOADS names, if archives of s6-overlay are in it."""
    folder = Path(os.environ.get("NUWA_DOWNLOADS") or "/nonexistent")
    return folder if any(folder.glob("s6-overlay-*.tar.xz")) else None


def archives(folder: Path) -> tuple[Path, ...]:
    """s6-overlay's archives, as the pins want them: what NUWA_DOWNLOADS has, else the stand-in's.

    Args:
        folder: where the stand-in's are made.

    Raises:
        AssertionError: one that NUWA_DOWNLOADS should have is missing, or is not what the pins say.
    """
    given = given_archives()
    if given:
        return tuple(
            _checked(given, download) for download in pins.downloads("s6-overlay", platform.machine()).files
        )
    packed = pack(folder)
    return tuple(sorted(packed.glob("s6-overlay-*.tar.xz")))


def with_s6_overlay(engine: Engine, image: str, app: App, files: tuple[Path, ...]) -> str:
    """The id of an image that is like `image` but for its init; made unless it is here.

    Args:
        image: the id of an image that nuwa built for `app` on Debian.
        files: s6-overlay's archives, from `archives`.
    """
    # Only what comes with this init: the app's image has files of its own in the place of the base layer's.
    entries = layer_tree.folder(IMAGES / "base" / "rootfs-s6-overlay")
    text = _containerfile(image, app, files)
    tag = f"localhost/{app.name}-s6-overlay:latest"
    inputs = sha256("\0".join([text, layer_tree.digest(entries), *map(_sum, files)]).encode()).hexdigest()
    before = engine.image(tag)
    if before and before.labels.get(names.LABEL_INPUTS) == inputs:
        return before.id
    with tempfile.TemporaryDirectory(prefix="nuwa-test-s6-overlay-") as folder:
        context = Path(folder, "context")
        context.mkdir()
        for archive in files:
            shutil.copy(archive, context)
        layer_tree.write_archive(entries, context / "root.tar", pins.source_date_epoch())
        options = ["--format=docker", "--layers=false", "--pull=never", "--network=none"]
        options += [f"--label={names.LABEL_INPUTS}={inputs}", f"--tag={tag}"]
        return engine.build(text, context, options)


def _checked(folder: Path, download: pins.Download) -> Path:
    file = folder / download.name
    assert file.is_file(), f"{file} is missing"
    assert _sum(file) == download.sha256, f"the checksum of {file} is not the pinned one"
    return file


def _sum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _containerfile(image: str, app: App, files: tuple[Path, ...]) -> str:
    """/bin/sh is bash, as on Rocky Linux; the settings are those of the base layer with this init."""
    nuwa_init = [f"/{path.relative_to(_NUWA_INIT)}" for path in _NUWA_INIT.rglob("*") if path.is_file()]
    lines = [
        f"FROM {image}",
        f"RUN rm -rf {' '.join([*DEBIAN_S_S6, *nuwa_init])}; ln -sf bash /bin/sh",
        *(f"ADD {archive.name} /" for archive in files),
        "ADD root.tar /",
        *_settings(app),
    ]
    return "".join(f"{line}\n" for line in lines)


_NUWA_INIT = IMAGES / "base" / "rootfs-nuwa-init"


def _settings(app: App) -> list[str]:
    """The ENV lines of the base layer as it is for a family with s6-overlay."""
    recipe = Recipe.of(app)
    recipe = replace(recipe, family=replace(recipe.family, init="s6-overlay"))
    text = layers.base(recipe, "bare").containerfile.replace("\\\n", " ")
    return re.findall(r"(?m)^ENV .*", text)
