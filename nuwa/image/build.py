"""Builds an app's image, layer by layer; what has not changed is not built again.

One inspection of all images tells which layers are up to date: each carries a checksum of its inputs.
An image gets its name only once it is complete.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nuwa import names
from nuwa.console import Progress, Step
from nuwa.engine import Engine, Image
from nuwa.image import base_image, context, emulation, frontend, layers, pins, renderer
from nuwa.image.app_layer import app_layer
from nuwa.image.build_layer import NeedsCompiler, make
from nuwa.image.build_spec import Recipe
from nuwa.image.built import Built, BuiltLayer
from nuwa.image.layers import Layer
from nuwa.lock import in_turn, only_one
from nuwa.manifest.image import Image as ImageSection
from nuwa.manifest.model import App
from nuwa.requirements import kinds
from nuwa.requirements.read import Requirements, read
from nuwa.resources import cache_folder
from nuwa.templating import keep_compiled

_OF_THE_VERSION = ("requirements", "packages", "frontend")
"""Layers below the app's own that have an image, with a name of its own, for each version of the app."""


@dataclass(frozen=True)
class Options:
    """How to build."""

    base: base_image.Choice = "auto"
    fresh: bool = False
    """Rebuild every layer, with the newest packages of the distribution."""
    architecture: str = ""
    """A processor other than this machine's, such as `arm64`: `nuwa.architecture.foreign`."""


def build(app: App, project: Path, options: Options, engine: Engine, progress: Progress) -> Built:
    """Build the image of the app whose project is in `project`, and tag it.

    Raises:
        BuildError: it cannot be built; nothing was tagged and nothing is left behind.
        BusyError: the same app is already being built.
    """
    keep_compiled(cache_folder() / "templates")
    recipe = Recipe.of(app, options.architecture)
    if options.architecture:
        emulation.check(options.architecture)
    with only_one(f"build-{app.name}", f"{app.name} is already being built"):
        return _Build(recipe, project, options, engine, progress).run()


def containerfiles(app: App, project: Path, architecture: str = "") -> dict[str, str]:
    """The Containerfile of each layer, as text, the lowest first; `architecture` as in `Options`."""
    recipe = Recipe.of(app, architecture)
    wanted = required(app, project)
    bare = base_image.candidates(recipe, "auto")[0]
    made = [layers.base(recipe, bare), layers.python(recipe), layers.nuwa_python(recipe)]
    compile = bool(app.image.build_packages or wanted.builds)
    made += [layers.build(recipe)] if compile else []
    made += [layers.requirements(recipe, wanted, compile=compile)]
    made += [layers.packages(recipe)] if recipe.installs_packages else []
    made += [layers.node(recipe), frontend.layer(recipe, project)] if app.build.node else []
    made += [app_layer(recipe, project)]
    return {layer.name: layer.containerfile for layer in made}


def required(app: App, project: Path) -> Requirements:
    """What the app requires of Python; raises the errors of `nuwa.requirements.read.read`."""

    def files(folder: Path) -> tuple[str, ...]:
        return context.select(folder, ImageSection()).paths

    return read(project, app.image.requirements, files, app.image.groups)


class _Build:
    """One build, from inspecting the existing images to tagging the last one."""

    def __init__(
        self, recipe: Recipe, project: Path, options: Options, engine: Engine, progress: Progress
    ) -> None:
        self._recipe = recipe
        self._project = project
        self._options = options
        self._engine = engine
        self._progress = progress
        self._images: dict[str, Image | None] = {}
        self._done: list[BuiltLayer] = []

    def run(self) -> Built:
        begun = time.monotonic()
        for name in pins.replaced():
            self._progress.note(f"{name}: version and checksums are those of {os.environ[pins.REPLACED_BY]}.")
        recipe = self._recipe
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(self._look)
            top = app_layer(recipe, self._project)
            self._images = looking.result()
        bare = self._bare()
        self._ensure(layers.base(recipe, bare))
        self._ensure(layers.python(recipe))
        self._ensure(layers.nuwa_python(recipe))
        self._ensure_requirements()
        if recipe.installs_packages:
            self._ensure(layers.packages(recipe))
        if recipe.app.build.node:
            self._ensure(layers.node(recipe))
            self._ensure(frontend.layer(recipe, self._project))
        if not all(layer.cached for layer in self._done):
            # Files of the project may have changed while the other layers were built.
            top = app_layer(recipe, self._project)
        made = self._ensure(renderer.with_bytecode(top, recipe.app, self._renderer()))
        return Built(recipe.tag, made, tuple(self._done), time.monotonic() - begun, self._looked_at())

    def _renderer(self) -> bytes:
        """Compiled by the Python that will run it, which `containerfile_extra` or packages may replace."""
        recipe = self._recipe
        name = recipe.app_parent if recipe.installs_packages else recipe.platform.python_image
        image = self._images[name]
        assert image is not None, "it exists, or was just built"
        return renderer.compiled(self._engine, image.id)

    def _looked_at(self) -> dict[str, str]:
        """See `Built.looked_at`."""
        requirements = self._recipe.app.image.requirements or kinds.find(self._project.resolve())
        if requirements.startswith(".."):
            return {}
        return {name: image.id if image else "" for name, image in self._images.items()}

    def _look(self) -> dict[str, Image | None]:
        """All images that a build could need, by name, inspected in one call."""
        recipe, app = self._recipe, self._recipe.app
        platform = recipe.platform
        return self._engine.image_inspect(
            *base_image.candidates(recipe, self._options.base),
            *(platform.base_image, platform.python_image, platform.build_image, recipe.nuwa_python_image),
            *(app.names.requirements_image(recipe.version), recipe.app_parent, recipe.tag),
            *([platform.node_image, app.names.frontend_image(recipe.version)] if app.build.node else []),
        )

    def _bare(self) -> str:
        """The name of the bare distribution's image; it is pulled or made if it is missing."""
        recipe = self._recipe
        found = base_image.candidates(recipe, self._options.base)
        here = next((name for name in found if base_image.is_usable(name, self._images[name], recipe)), None)
        if here is None:
            here = base_image.get(self._engine, recipe, self._options.base, self._progress)
            self._images |= self._engine.image_inspect(here)
        base_image.note_choice(recipe, here, self._progress)
        return here

    def _ensure_requirements(self) -> None:
        """Use wheels only, unless compiling is configured or was needed the last time."""
        app = self._recipe.app
        wanted = required(app, self._project)
        before = self._images[app.names.requirements_image(self._recipe.version)]
        compiled = before is not None and before.labels.get(names.LABEL_COMPILED) == "yes"
        make = partial(layers.requirements, self._recipe, wanted)
        if not (compiled or app.image.build_packages or wanted.builds):
            try:
                self._ensure(make(compile=False))
                return
            except NeedsCompiler:
                self._progress.note("A Python package has no wheel, so packages are built, with compilers.")
        self._ensure(layers.build(self._recipe))
        self._ensure(make(compile=True))

    def _ensure(self, layer: Layer) -> str:
        """Build a layer unless it is up to date; returns the id of its image."""
        begun = time.monotonic()
        image = self._standing(layer) or self._standing_elsewhere(layer)
        cached = image is not None
        if image is None:
            with self._progress.step(f"build {layer.name}") as step:
                image = self._make(layer, step)
        self._done.append(BuiltLayer(layer.name, layer.tag, image, cached, time.monotonic() - begun))
        return image

    def _standing(self, layer: Layer) -> str | None:
        """The id of the layer's image, if it was built from the same inputs."""
        image = self._images.get(layer.tag)
        if (
            image is None
            or self._options.fresh
            or image.labels.get(names.LABEL_INPUTS) != self._inputs(layer)
        ):
            return None
        return image.id

    def _standing_elsewhere(self, layer: Layer) -> str | None:
        """Another version's image that was built from the same inputs; it is tagged with this name too."""
        if layer.name not in _OF_THE_VERSION or self._options.fresh:
            return None
        inputs = self._inputs(layer)
        found = self._engine.find_image(names.LABEL_INPUTS, inputs)
        if found is not None:
            self._engine.tag(found, layer.tag)
            labels = {**layer.labels, names.LABEL_INPUTS: inputs}
            self._images[layer.tag] = Image(found, (layer.tag,), labels, 0, (), {})
        return found

    def _inputs(self, layer: Layer) -> str:
        return layer.inputs(tuple(self._below(layer).values()))

    def _below(self, layer: Layer) -> dict[str, str]:
        """The ids of the images that a layer is built on, by their names."""
        found = {parent: self._images[parent] for parent in layer.parents}
        return {parent: image.id for parent, image in found.items() if image}

    def _make(self, layer: Layer, step: Step) -> str:
        """Build a layer. Those that other apps share or that install packages are built one at a time."""
        if layer.name in (*_OF_THE_VERSION, "app") and not layer.installs_packages:
            return self._made(layer, step)
        with in_turn(f"build-{self._recipe.platform.key}"):
            self._images |= self._engine.image_inspect(layer.tag)
            return self._standing(layer) or self._made(layer, step)

    def _made(self, layer: Layer, step: Step) -> str:
        inputs = self._inputs(layer)
        image = make(self._engine, self._recipe, layer, self._below(layer), inputs, step)
        before = self._images.get(layer.tag)
        labels = {**layer.labels, names.LABEL_INPUTS: inputs}
        self._images[layer.tag] = Image(image, (layer.tag,), labels, 0, (), {})
        if before and before.id != image and layer.name in _OF_THE_VERSION:
            # No name refers to it any more. Images of the app itself stay: a host may roll back to one.
            self._engine.podman("image", "rm", before.id, check=False)
        return image
