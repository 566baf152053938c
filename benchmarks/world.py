"""Shared by the benchmarks: projects to build, images of both sides, and their removal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import contexts
from benchmarks.contexts import Lent
from nuwa.engine import Engine, Image
from nuwa.manifest.load import load
from nuwa.manifest.model import App
from nuwa.names import Platform
from nuwa.process import Result, run
from nuwa.resources import cache_folder
from tests.standin.s6_overlay.image import with_s6_overlay

PREFIX = "nuwabench"
"""The prefix of all names that are created here."""
HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "django"
HELLO = HERE / "opponents" / "hello"
FAMILY = "debian"


@dataclass
class World:
    """A folder and an engine; images are built on first use, and removed by `clean`.

    Args:
        folder: for projects; removed by its creator.
        rounds: how often each side of a figure is measured.
        say: called with a description of the current step.
    """

    engine: Engine
    folder: Path
    rounds: int
    say: Callable[[str], None]
    _made: set[str] = field(default_factory=set)

    def nuwa(self, *words: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Result:
        """The command line as a user starts it, in a process of its own."""
        # Installed packages have bytecode; this variable would prevent it from being written in a checkout.
        usual = {"PYTHONDONTWRITEBYTECODE": ""}
        nuwa = Path(sys.executable).with_name("nuwa")
        return run([nuwa, *words], cwd=cwd or self.folder, env={**usual, **(env or {})})

    def project(self, name: str) -> Path:
        """A copy of a project, with an image name that nobody else uses: `hello`, `django`, or `apache`."""
        folder = self.folder / name
        if not folder.exists():
            left_out = shutil.ignore_patterns("__pycache__", "var", "staticfiles")
            shutil.copytree(HELLO if name == "hello" else EXAMPLE, folder, ignore=left_out)
            manifest = folder / "nuwa.toml"
            text = re.sub(r'(?m)^name = ".*"', f'name = "{PREFIX}-{name}"', manifest.read_text(), count=1)
            text = re.sub(r'(?m)^version = ".*"\n', "", text, count=1)
            manifest.write_text(text.replace("gunicorn", "mod_wsgi") if name == "apache" else text)
        return folder

    def manifest(self, name: str) -> App:
        return load(self.project(name) / "nuwa.toml", family=FAMILY)

    def build(self, name: str, *options: str, env: dict[str, str] | None = None) -> None:
        """Run `nuwa build` in the project, as its user would."""
        words = ("build", "--family", FAMILY, "--quiet", *options)
        self.nuwa(*words, cwd=self.project(name), env=env)

    def app_image(self, name: str) -> str:
        """nuwa's image of a project; built on the first call."""
        return self._once(f"localhost/app/{PREFIX}-{name}:latest", lambda _: self.build(name))

    def plain_image(self) -> str:
        """The image of the Django project as a careful person would write it by hand."""
        return self._once(f"localhost/{PREFIX}-plain:latest", lambda _: self.build_plain())

    def build_plain(self, *options: str) -> None:
        tag = f"localhost/{PREFIX}-plain:latest"
        bare = Platform(FAMILY, "13").bootstrap_image
        words = ["--pull=never", "--network=host", "--tag", tag, "--build-arg", f"BASE={bare}"]
        words += [*self._lent().plain_words, "--build-arg", "PIP_CONFIG_FILE=/mnt/pip.conf", *options]
        containerfile = (HERE / "opponents" / "plain.Containerfile").read_text()
        self.engine.build(containerfile, self.project("django"), words)

    def supervisord_image(self, name: str) -> str:
        """nuwa's image of a project, with supervisord instead of s6."""

        def make(tag: str) -> None:
            files = HERE / "opponents" / "supervisord"
            context = contexts.supervisord(files, self.folder / "supervisord", self.manifest(name))
            words = ["--pull=never", "--tag", tag, "--build-arg", f"APP={self.app_image(name)}"]
            self.engine.build((context / "Containerfile").read_text(), context, words)

        return self._once(f"localhost/{PREFIX}-supervisord-{name}:latest", make)

    def s6_overlay_image(self, name: str, archives: tuple[Path, ...]) -> str:
        """nuwa's image of a project, with s6-overlay instead of nuwa-init."""
        app = self.manifest(name)

        def make(tag: str) -> None:
            below = self.inspect(self.app_image(name)).id
            self.engine.tag(with_s6_overlay(self.engine, below, app, archives), tag)

        return self._once(f"localhost/{PREFIX}-s6-overlay-{name}:latest", make)

    def podman_stages(self, name: str) -> list[contexts.Stage]:
        """nuwa's layers of a project, for podman alone; built once, so that everything is in its cache."""
        stages = contexts.stages(self.project(name), self.folder / "stages", FAMILY, self._lent())
        self.say("build nuwa's layers with podman alone")
        self.build_stages(stages)
        return stages

    def build_stages(self, stages: Sequence[contexts.Stage]) -> None:
        for stage in stages:
            tag = f"localhost/{PREFIX}-stage-{stage.name}:latest"
            self.engine.build(stage.containerfile, stage.context, ["--tag", tag, *stage.words])

    def inspect(self, image: str) -> Image:
        found = self.engine.image(image)
        assert found, f"{image} was built a moment ago"
        return found

    @contextmanager
    def environment(self, variables: Mapping[str, str]) -> Iterator[None]:
        """This process's environment with more variables during the block."""
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})

    @contextmanager
    def no_downloads(self) -> Iterator[dict[str, str]]:
        """An environment in which nuwa has no cached downloads, but this machine's settings."""
        caches = self.folder / "empty-caches"
        shutil.copytree(cache_folder(), caches / "nuwa", ignore=shutil.ignore_patterns("downloads"))
        try:
            yield {"XDG_CACHE_HOME": str(caches)}
        finally:
            shutil.rmtree(caches)

    def clean(self) -> None:
        """Remove the images of both sides; layers shared with other apps stay."""
        words = ("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference=*/{PREFIX}-*")
        # podman's listing fails if another process removes an image meanwhile.
        listed = next(filter(bool, (self.engine.podman(*words, check=False).stdout for _ in range(3))), "")
        mine = [name for name in listed.split() if f"/{PREFIX}-" in name]
        # The topmost first: an image can only be removed if no other is based on it.
        for name in sorted(mine, key=lambda name: "supervisord" not in name):
            self.engine.podman("rmi", "--force", name, check=False)

    def _lent(self) -> Lent:
        return contexts.lend(self.folder / "lent", FAMILY)

    def _once(self, tag: str, make: Callable[[str], object]) -> str:
        if tag not in self._made:
            self.say(f"build {tag.removeprefix('localhost/')}")
            make(tag)
            self._made.add(tag)
        return tag
