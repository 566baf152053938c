"""The definition of each layer of an image: a rendered Containerfile, files, labels. Nothing is built here.

base → python → nuwa_python → requirements → packages → app, each an image on the previous one; `packages`
only if the app needs something of the distribution. `build`, with compilers, is separate from them and
built only if Python packages have to be compiled.
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
    """The definition of one image."""

    name: str
    tag: str
    parents: tuple[str, ...]
    """Names of the images that its Containerfile starts from."""
    containerfile: str
    entries: tuple[Entry, ...] = ()
    """The files of its `root.tar`, which is in the context, or below `/mnt` if a step unpacks it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    lent: Mapping[str, bytes] = field(default_factory=dict)
    """Files that affect its content without being part of it, by path below `/mnt`."""
    variables: tuple[str, ...] = ()
    """Environment variables of this machine that its build reads: tokens, which do not affect its content."""
    time: int = 0
    """Seconds since 1970: the time of everything in it."""
    from_scratch: bool = False
    """Its parents are only build stages: its image contains no layer of theirs."""
    of_a_version: bool = False
    """The first parent's name contains the app's version, which the checksum leaves out: its id is enough."""
    workdir: str = ""
    """The working directory; empty: that of the parent image."""

    @property
    def arguments(self) -> frozenset[str]:
        """The build arguments that it declares: what it uses of this machine."""
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
        """The checksum of all inputs."""
        return sha256(" ".join((self._content, *parent_ids)).encode()).hexdigest()


@cache
def _tools() -> str:
    return layer_tree.digest(layer_tree.folder(IMAGES / "tools"))


@cache
def _uv_version() -> bytes:
    return version("uv").encode()


@cache
def _older() -> dict[str, bytes]:
    """Pinned companion packages for apps that pin an older version of a server."""
    locks = sorted((IMAGES / "nuwa_python" / "locks").glob("older-*.txt"))
    return {f"locks/{file.name}": file.read_bytes() for file in locks}


def base(recipe: Recipe, bare: str) -> Layer:
    """The distribution with PID 1 and the services of every container; `bare` is the distribution's image."""
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
    """The virtual environment, and the server in it."""
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
    """The Python packages that the app requires; packages of the distribution are not an input here.

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
    """The app's packages of the distribution, and the manifest's Containerfile lines. This layer is above the
    Python packages: the lines may use those, and a change here does not install them again."""
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
    # Empty values leave empty lines, which a Containerfile does not need.
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
    """The files that a layer always adds, and those for a family, an init or a kind of server."""
    folders = ["rootfs", *(f"rootfs-{variant}" for variant in variants)]
    return layer_tree.merge(*(layer_tree.folder(Path(IMAGES, layer, folder)) for folder in folders))
