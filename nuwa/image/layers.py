"""What each layer of an image is made of: a rendered Containerfile, files, labels. Nothing is built here.

base → python → nuwa_python → requirements → packages → app, each an image on the one before; `packages` only
where the app needs something of the distribution. `build`, with compilers, is separate from them and built
only where Python packages have to be compiled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nuwa import names
from nuwa.image import build_inputs, layer_tree, pins
from nuwa.image.build_spec import Recipe
from nuwa.image.layer_tree import Entry
from nuwa.manifest.model import SCHEMA
from nuwa.requirements.read import Requirements
from nuwa.resources import IMAGES
from nuwa.templating import render


@dataclass(frozen=True)
class Layer:
    """One image to be made."""

    name: str
    tag: str
    parents: tuple[str, ...]
    """Names of the images that its Containerfile starts from."""
    containerfile: str
    entries: tuple[Entry, ...] = ()
    """The files of its `root.tar`, which is in the context, or below `/mnt` where a step unpacks it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    lent: Mapping[str, bytes] = field(default_factory=dict)
    """What decides its content without being in it, by path below `/mnt`."""
    variables: tuple[str, ...] = ()
    """Variables of this machine's environment that its build reads: tokens, which decide nothing."""
    time: int = 0
    """Seconds since 1970: the time of everything in it."""
    from_scratch: bool = False
    """Its parents are only stages: no layer of theirs is in its image."""
    of_a_version: bool = False
    """The name of its first parent holds the app's version, which decides nothing: its id counts alone."""
    workdir: str = ""
    """Where programs of its image start; empty: where those of the image below do."""

    @property
    def arguments(self) -> frozenset[str]:
        """The build arguments that it declares: what it borrows of this machine."""
        return frozenset(re.findall(r"(?m)^ARG (\w+)", self.containerfile))

    @property
    def installs_packages(self) -> bool:
        """Whether it uses the package manager, whose cache only one build at a time may write to."""
        return not self.arguments.isdisjoint(build_inputs.PACKAGES)

    def write_archive(self, context: Path, mount: Path) -> None:
        """Write `root.tar` into the context of the build, or into the folder that is mounted at `/mnt`."""
        folder = mount if "/mnt/root.tar" in self.containerfile else context
        layer_tree.write_archive(self.entries, folder / "root.tar", self.time)

    @cached_property
    def _content(self) -> str:
        lent = {path: sha256(content).hexdigest() for path, content in self.lent.items()}
        text = self.containerfile
        if self.of_a_version:
            text = text.replace(self.parents[0], "parent")
        parts: tuple[object, ...] = (
            self.name,
            text,
            layer_tree.digest(self.entries),
            dict(self.labels),
            lent,
            self.time,
        )
        parts += (self.workdir,) if self.workdir else ()
        return json.dumps([*parts, _tools()], sort_keys=True)

    def inputs(self, parent_ids: tuple[str, ...]) -> str:
        """A checksum of everything that goes in."""
        return sha256(" ".join((self._content, *parent_ids)).encode()).hexdigest()


@cache
def _tools() -> str:
    return layer_tree.digest(layer_tree.folder(IMAGES / "tools"))


@cache
def _uv_version() -> bytes:
    return version("uv").encode()


@cache
def _older() -> dict[str, bytes]:
    """Pinned companions of servers that an app pins in an older version."""
    locks = sorted((IMAGES / "nuwa_python" / "locks").glob("older-*.txt"))
    return {f"locks/{file.name}": file.read_bytes() for file in locks}


def base(recipe: Recipe, bare: str) -> Layer:
    """The distribution with PID 1 and the services of every container; `bare` is the image of it alone."""
    downloads = pins.downloads("s6-overlay", recipe.machine) if recipe.family.init == "s6-overlay" else None
    return _layer(
        recipe,
        "base",
        recipe.platform.base_image,
        (bare,),
        {"downloads": downloads, "app_id": names.APP_ID},
        entries=rootfs("base", recipe.family.init, recipe.family.name),
    )


def python(recipe: Recipe) -> Layer:
    tag = recipe.platform.python_image
    return _layer(recipe, "python", tag, (recipe.platform.base_image,), {}, entries=rootfs("python"))


def build(recipe: Recipe) -> Layer:
    return _layer(recipe, "build", recipe.platform.build_image, (recipe.platform.python_image,), {})


def node(recipe: Recipe) -> Layer:
    return _layer(recipe, "node", recipe.platform.node_image, (recipe.platform.python_image,), {})


def nuwa_python(recipe: Recipe) -> Layer:
    """The virtual environment, and what serves from it."""
    kind, lock = recipe.kind, recipe.lock
    values = {
        "kind": kind,
        "lock": lock,
        "packages": recipe.server_packages,
        "downloads": pins.downloads("miniforge", recipe.machine)
        if recipe.python.provider == "conda"
        else None,
    }
    lent = {"uv.version": _uv_version()}
    if lock:
        lent[f"locks/{lock}"] = (IMAGES / "nuwa_python" / "locks" / lock).read_bytes()
    entries = rootfs("nuwa_python", recipe.family.init, recipe.family.name, kind)
    tag, parents = recipe.nuwa_python_image, (recipe.platform.python_image,)
    return _layer(recipe, "nuwa_python", tag, parents, values, entries=entries, lent=lent)


def requirements(recipe: Recipe, required: Requirements, *, compile: bool) -> Layer:
    """The Python packages that the app requires: those of the distribution decide nothing here.

    Args:
        compile: build packages that have no wheel, in a stage with compilers.
    """
    app = recipe.app
    values = {
        "compile": compile,
        "build_parent": recipe.platform.build_image,
        "build_packages": app.image.build_packages + recipe.extra_devel,
        "requirements": list(required.words),
        "kind": recipe.kind if recipe.lock else "",
        "builds": required.builds,
        "variables": required.variables,
    }
    parents = (recipe.nuwa_python_image, *([recipe.platform.build_image] if compile else []))
    labels = {names.LABEL_COMPILED: "yes" if compile else "no"}
    lent = {"uv.version": _uv_version(), **required.files, **(_older() if recipe.lock else {})}
    tag = app.names.requirements_image(recipe.version)
    made = _layer(recipe, "requirements", tag, parents, values, labels=labels, lent=lent)
    return replace(made, variables=required.variables)


def packages(recipe: Recipe) -> Layer:
    """What the app needs of the distribution, and the manifest's own lines: above the Python packages, which
    the lines may use, and which are not installed again when this changes."""
    app = recipe.app
    values = {
        "extra": app.image.containerfile_extra,
        "packages": app.image.packages + app.extras.fonts,
        "locales": app.extras.locales,
        "wkhtmltopdf": app.extras.wkhtmltopdf,
        "downloads": recipe.wkhtmltopdf,
    }
    tag, parent = app.names.packages_image(recipe.version), app.names.requirements_image(recipe.version)
    made = _layer(recipe, "packages", tag, (parent,), values, labels={names.LABEL_COMPILED: ""})
    return replace(made, of_a_version=True)


def _layer(
    recipe: Recipe,
    name: str,
    tag: str,
    parents: tuple[str, ...],
    values: Mapping[str, Any],
    *,
    entries: tuple[Entry, ...] = (),
    labels: Mapping[str, str] | None = None,
    lent: Mapping[str, bytes] | None = None,
) -> Layer:
    return Layer(
        name=name,
        tag=tag,
        parents=parents,
        containerfile=containerfile(recipe, name, parents[0], values),
        entries=entries,
        labels={**shared_labels(recipe, name), **(labels or {})},
        lent=lent or {},
        time=pins.source_date_epoch(),
    )


def containerfile(recipe: Recipe, name: str, parent: str, values: Mapping[str, Any]) -> str:
    text = render(
        str(IMAGES),
        f"{name}/Containerfile.j2",
        app=recipe.app,
        family=recipe.family,
        release=recipe.release,
        python=recipe.python,
        own=recipe.own_python,
        parent=parent,
        **values,
    )
    # An empty value leaves an empty line behind, which a Containerfile does not need.
    return "".join(f"{line}\n" for line in text.splitlines() if line.strip())


def shared_labels(recipe: Recipe, name: str) -> dict[str, str]:
    labels = {
        names.LABEL_SCHEMA: str(SCHEMA),
        names.LABEL_LAYER: name,
        names.LABEL_FAMILY: recipe.platform.key,
    }
    if name in ("nuwa_python", "requirements", "packages", "app"):
        labels |= {names.LABEL_PYTHON: recipe.python.version, names.LABEL_PROVIDER: recipe.python.provider}
    return labels


def rootfs(layer: str, *variants: str) -> tuple[Entry, ...]:
    """The files that a layer always adds, and those of a family, an init or a kind of server."""
    folders = ["rootfs", *(f"rootfs-{variant}" for variant in variants)]
    return layer_tree.merge(*(layer_tree.folder(Path(IMAGES, layer, folder)) for folder in folders))
