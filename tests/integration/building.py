"""Small projects that the build tests build, and what a build may leave behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nuwa.console import Quiet, Step
from nuwa.engine import Engine, Image
from nuwa.image.build import Options, build
from nuwa.image.built import Built
from nuwa.manifest.load import load
from nuwa.manifest.model import App

PREFIX = "nuwa-test-build"

APP = """\
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""

MANIFEST = """\
[app]
name = "{name}"
version = "1"
domains = ["shop.example.com"]

[image]
family = "debian"
exclude = ["notes"]
containerfile_extra = ['RUN echo "made by $(id -un)" >/etc/made-by']

[build]
commands = [["sh", "-c", "umask 077; id -un >made-by.txt"], "cp made-by.txt assets/"]

[server]
module = "shop:application"

[static]
directory = "static"
collect = ["sh", "-c", "cp -r assets/. static/ && id -un >static/collected-by.txt"]

[[volume]]
name = "media"
path = "/srv/media"

[[volume]]
name = "rules"
path = "/srv/rules"
policy = "read-only"

[hooks]
checks = ["test -r /srv/app/static/site.css"]

[env]
secrets = ["API_KEY"]
generated = ["SECRET_KEY"]

[env.clear]
GREETING = "it's \\"quoted\\" $HOME `id` žš🌊"
LINES = "one\\ntwo\\n"
"""


@dataclass
class _Lines:
    lines: list[str]

    def line(self, text: str) -> None:
        self.lines.append(text)


@dataclass
class Notes(Quiet):
    """Keeps what a build says, and the lines that its steps print."""

    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        yield _Lines(self.lines)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class Project:
    """A project in a folder, and the builds of it."""

    folder: Path
    engine: Engine
    progress: Notes = field(default_factory=Notes)

    @property
    def app(self) -> App:
        from nuwa.image import families

        return load(self.folder / "nuwa.toml", offers=families.load)

    def build(self) -> Built:
        return build(self.app, self.folder, Options(), self.engine, self.progress)

    def image(self) -> Image | None:
        return self.engine.image(self.app.tag)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def sh(self, script: str, *, user: str = "root") -> str:
        """What a shell prints inside the image; nothing else of the image runs."""
        options = ["--rm", "--network=none", "--entrypoint=/bin/sh", f"--user={user}"]
        return self.engine.run(self.app.tag, "-c", script, options=options).stdout

    def forget(self) -> None:
        """Remove the names of its images, so that they are built again."""
        for name in self.own_images:
            if self.engine.image(name):
                self.engine.untag(name, name)

    def remove(self) -> None:
        self.engine.remove_image(*self.own_images)

    @property
    def own_images(self) -> tuple[str, ...]:
        names, version = self.app.names, self.app.app.version
        return self.app.tag, names.packages_image(version), names.requirements_image(version)


@contextmanager
def project(engine: Engine, folder: Path, name: str) -> Iterator[Project]:
    """A project called `nuwa-test-build-NAME`, whose images go when it is done with."""
    made = Project(folder, engine)
    made.write("nuwa.toml", MANIFEST.format(name=f"{PREFIX}-{name}"))
    made.write("shop.py", APP)
    made.write("requirements.txt", "")
    made.write("assets/site.css", "body { color: red }\n" * 100)
    made.write("assets/photo.jpg", "not really" * 500)
    made.write("notes/secret.txt", "no")
    try:
        yield made
    finally:
        made.remove()


def copy(original: Project, folder: Path) -> Project:
    """The same project elsewhere, with other times and permissions."""
    shutil.copytree(original.folder, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            os.utime(path, (1, 1))
    return Project(folder, original.engine)


def leavings(engine: Engine, made: Project, process: int) -> list[str]:
    """Folders, working containers and mounts of a process's builds, which should all be gone."""
    marks = list(Path(tempfile.gettempdir()).glob(f"nuwa-build-{process}-*"))
    names = [name for item in engine.containers(external=True) for name in item["Names"]]
    working = [name for name in names if f"{PREFIX}" in name]
    mounts = [
        line for line in Path("/proc/mounts").read_text().splitlines() if f"nuwa-build-{process}-" in line
    ]
    return [*map(str, marks), *working, *mounts]
