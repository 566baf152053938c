"""Builds one layer: a folder for the build, `podman build` in it, and a name for the resulting image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from nuwa import names
from nuwa.console import Step
from nuwa.engine import Engine
from nuwa.errors import BuildError, CommandError
from nuwa.image import build_dir, build_inputs
from nuwa.image.build_output import Steps
from nuwa.image.build_spec import Recipe
from nuwa.image.finalize import seal
from nuwa.image.layers import Layer
from nuwa.names import Platform

MIN_FREE_BYTES = 2 * 1024**3
"""Bytes that must be free where podman stores images."""


class NeedsCompiler(BuildError):
    """A Python package has no wheel, and compiling was not allowed."""


def make(
    engine: Engine, recipe: Recipe, layer: Layer, below: Mapping[str, str], inputs: str, step: Step
) -> str:
    """Build a layer, tag it and return the id of its image.

    Args:
        below: the ids of the images that it starts from, by name.
        inputs: the checksum of its inputs, for its label.

    Raises:
        BuildError: it cannot be built; nothing is tagged and nothing is left.
    """
    check_space(engine)
    heard = Steps(layer.name, step)
    with build_dir.opened(engine) as folder:
        context = folder / "context"
        context.mkdir()
        options = _options(recipe, layer, folder)
        layer.write_archive(context, folder / "mnt")
        try:
            end = partial(build_dir.end_steps, folder)
            text = pinned(layer.containerfile, below)
            built = engine.build(text, context, options, on_line=heard.line, wind_down=end)
        except CommandError:
            raise _failure(layer, heard) from None
        labels = {**layer.labels, names.LABEL_INPUTS: inputs}
        parent = "" if layer.from_scratch else below[layer.parents[0]]
        sealed = folder / "sealed"
        return finish(engine, built, layer.name, layer.tag, labels, parent, sealed, layer.workdir)


def pinned(containerfile: str, below: Mapping[str, str]) -> str:
    """A Containerfile that refers to ids, since a concurrent build may move a name to another image."""
    for name, image in below.items():
        containerfile = re.sub(rf"(FROM |--from=){re.escape(name)}(?=\s)", rf"\g<1>{image}", containerfile)
    return containerfile


def finish(
    engine: Engine,
    built: str,
    name: str,
    tag: str,
    labels: Mapping[str, str],
    parent: str,
    folder: Path,
    workdir: str = "",
) -> str:
    """Seal a built image as `seal` does, and give it its name; returns the id.

    Interrupted, it leaves no image.
    """
    folder.mkdir()
    made = [built]
    try:
        made.append(seal(engine, built, name, labels, parent, folder, workdir))
        with ThreadPoolExecutor(1) as pool:
            removed = pool.submit(engine.remove_image, built)
            engine.tag(made[-1], tag)
        removed.result()
    except BaseException:
        engine.remove_image(*made)
        raise
    return made[-1]


def _options(recipe: Recipe, layer: Layer, folder: Path) -> list[str]:
    """Each layer is one commit: nuwa itself tracks what has changed, and more commits would be slower.

    podman's own label, and current times, would make the same inputs give different images.
    """
    words = ["--format", "docker", "--layers=false", "--force-rm", "--pull=never", "--network", "host"]
    words += ["--timestamp", str(layer.time), "--identity-label=false", "--security-opt", "label=disable"]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={layer.time}"]
    mount = folder / "mnt"
    mount.mkdir(mode=0o755)
    files = {**layer.lent, **build_inputs.environment(layer.variables)}
    words += for_platform(recipe.platform)
    borrowed = layer.arguments
    return words + build_inputs.lay_out(
        mount, recipe.family, recipe.release, files, borrowed, architecture=recipe.architecture
    )


def for_platform(platform: Platform) -> list[str]:
    """Options of `podman build` for an image for a processor other than this machine's."""
    return ["--platform", f"linux/{platform.architecture}"] if platform.architecture else []


def _failure(layer: Layer, heard: Steps) -> BuildError:
    error = heard.error()
    if heard.needs_compiler and layer.labels.get(names.LABEL_COMPILED) == "no":
        return NeedsCompiler(error.message, hint=error.hint, details=error.details)
    return error


def check_space(engine: Engine) -> None:
    """Refuse to start a build that could fill the disk.

    Raises:
        BuildError: less than `MIN_FREE_BYTES` is free.
    """
    free = engine.free_space()
    if free < MIN_FREE_BYTES:
        raise BuildError(
            f"{free / 1024**2:.0f} MiB are free in {engine.graph_root}, and a build needs "
            f"{MIN_FREE_BYTES / 1024**2:.0f} MiB",
            hint="Remove unused images (podman image ls lists them), or give podman more disk space.",
        )
