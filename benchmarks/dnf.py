"""The time in dnf during a second cold build of Rocky Linux layers, in a stand-in for Rocky Linux.

The stub repositories are served by HTTP from this machine, as fast as by a mirror nearby, next to others that
hold only metadata, so that dnf has something to fetch and to read. Both sides build the same layers; the
opponent's, like nuwa's once, keep nothing and empty dnf's cache at their end.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.measure import interleaved
from benchmarks.repositories import Served, metadata
from benchmarks.world import PREFIX, World
from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.image import inspection, layers
from nuwa.image.build_layer import make
from nuwa.image.build_spec import Recipe
from nuwa.image.layers import Layer
from nuwa.lock import in_turn
from nuwa.manifest.image import Image
from nuwa.manifest.model import App, AppSection, Server
from tests.standin.rocky import downloads, image

PADDING = {"BaseOS": 1000, "AppStream": 4000, "CRB": 1000, "EPEL": 12000}
"""Packages that exist only in metadata, for each repository that they stand for; the real one has more."""
RELEASE = "9"
WRAPPER = r"""#!/bin/sh
began=$(date +%s%N)
/usr/bin/dnf "$@" || exit
echo "dnf-took: $((($(date +%s%N) - began) / 1000000))"
"""


class Listening(Engine):
    """An engine that adds up the times that dnf reports."""

    milliseconds = 0

    def build(self, *words: Any, on_line: Callable[[str], None] | None = None, **options: Any) -> str:
        def hear(line: str) -> None:
            found = re.search(r"dnf-took: (\d+)", line)
            self.milliseconds += int(found[1]) if found else 0
            if on_line:
                on_line(line)

        return super().build(*words, on_line=hear, **options)


def dnf(world: World) -> Iterator[Figure]:
    """Time in dnf during a second cold build, in a stand-in for Rocky Linux, with its cache and without."""
    world.say("make the stand-ins for Rocky Linux")
    for release in image.RELEASES:
        image.ensure(world.engine, release)
    folder = world.folder / "downloads"
    folder.mkdir()
    environment = downloads.make(world.engine, f"{image.NAME}:{RELEASE}", folder)
    with world.environment(environment):
        yield from _sizes(world)
        yield _time(world)


def _sizes(world: World) -> Iterator[Figure]:
    for release in image.RELEASES:
        made = _stack(world.engine, release, f"{image.NAME}:{release}", lambda layer: layer)
        sizes = {layer.name: layer.size for layer in inspection.inspect(world.engine, made).layers}
        for name, target in (("base", 40), ("python", 10)):
            title = f"stand-in for Rocky Linux {release}: layer {name}"
            yield Figure(title=title, ours=[sizes[name] / 1024**2], unit="MiB", target=target, decimals=1)


def _time(world: World) -> Figure:
    bare = f"{image.NAME}:{PREFIX}"
    root = _repositories(world)
    with Served(root) as address:
        _served_image(world.engine, address, bare)

        def spent(change: Callable[[Layer], Layer]) -> float:
            engine = Listening.detect()
            assert isinstance(engine, Listening)
            _stack(engine, RELEASE, bare, change)
            return engine.milliseconds / 1000

        caches = world.folder / "caches"
        with world.environment({"XDG_CACHE_HOME": str(caches)}):
            world.say("first cold build, which fills the cache")
            spent(lambda layer: layer)
            values = interleaved(
                world.rounds, ours=lambda: spent(lambda layer: layer), theirs=lambda: spent(_without_cache)
            )
    world.engine.remove_image(bare)
    return Figure.of(
        "second cold build in the stand-in for Rocky Linux: time in dnf",
        values,
        opponent="without its cache",
        unit="s",
        target=0.4,
        decimals=1,
    )


def _without_cache(layer: Layer) -> Layer:
    """The same layer with dnf's cache inside it, emptied at its end."""
    text = layer.containerfile
    text = text.replace("ARG DNF_CACHE\n", "").replace("--setopt=keepcache=1", "--setopt=keepcache=0")
    cleaned = text.replace("    rm -rf /etc/*-", "    dnf clean all --enablerepo='*'; \\\n    rm -rf /etc/*-")
    assert cleaned != text, "each layer cleans up"
    return dataclasses.replace(layer, containerfile=cleaned)


def _stack(engine: Engine, release: str, bare: str, change: Callable[[Layer], Layer]) -> str:
    """Rebuild base, python and what Apache needs; returns the id of the last."""
    app = App(
        app=AppSection(name=PREFIX),
        server=Server(module="site:application", kind="mod_wsgi"),
        image=Image(family="rockylinux", release=release),
    )
    recipe = Recipe.of(app)
    below = bare
    made = ""
    with in_turn(f"build-{recipe.platform.key}"):
        for layer in (layers.base(recipe, bare), layers.python(recipe), layers.nuwa_python(recipe)):
            tagged = dataclasses.replace(
                change(layer), tag=f"localhost/{PREFIX}-stand-in-{layer.name}:latest"
            )
            parent = engine.image(below)
            assert parent, f"{below} was made a moment ago"
            with Quiet().step(layer.name) as step:
                made = make(engine, recipe, tagged, {layer.parents[0]: parent.id}, "", step)
            below = tagged.tag
    return made


def _repositories(world: World) -> Path:
    root = world.folder / "repositories"
    root.mkdir()
    options = ["--rm", "--network=none", f"--volume={root}:/out"]
    world.engine.run(f"{image.NAME}:{RELEASE}", "cp", "-rL", "/usr/share/stand-in/.", "/out", options=options)
    for name, packages in PADDING.items():
        world.say(f"metadata of {packages} packages, for {name}")
        metadata(root / "padding" / name, name.lower(), packages)
    return root


def _served_image(engine: Engine, address: str, name: str) -> None:
    padding = "\n".join(
        f"[padding-{repository}]\nname=Nothing but metadata, for {repository}\n"
        f"baseurl={address}/padding/{repository}/\nenabled=1\ngpgcheck=0\n"
        for repository in PADDING
    )
    text = (
        "FROM {{bare}}\n"
        f"RUN echo {address} >/etc/dnf/vars/standin; cp /mnt/standin/padding.repo /etc/yum.repos.d/; \\\n"
        "    install -m 755 /mnt/standin/dnf /usr/local/bin/dnf; \\\n"
        # The default of the dnf of EL 8 and 9; Debian's is newer and differs.
        "    echo optional_metadata_types=filelists >>/etc/dnf/dnf.conf\n"
    )
    files = {"Containerfile": text, "padding.repo": padding, "dnf": WRAPPER}
    image.ensure_variant(
        engine, RELEASE, name.rpartition(":")[2], {path: content.encode() for path, content in files.items()}
    )
