"""Builds on a host if this machine cannot build: nuwa itself and a copy of the project are sent there by ssh.

The copy holds the files that go into the image and its frontend, the files that state its requirements, and
what git says about all of these, so the image is the same as if it were built here. The image stays in that
host's podman; `BuiltThere` provides its layers like those of a local image.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nuwa import installation
from nuwa.console import Step
from nuwa.engine import Image
from nuwa.errors import BuildError, RemoteError
from nuwa.image import context, frontend, git
from nuwa.image.app_layer import project_time
from nuwa.manifest import load
from nuwa.manifest.checks import LOCKS, PROJECT_FILES
from nuwa.manifest.image import Image as ImageSection
from nuwa.manifest.model import App
from nuwa.names import PROJECT
from nuwa.process import run
from nuwa.remote import build_settings
from nuwa.remote.pipes import rest_of
from nuwa.remote.ssh import Connection
from nuwa.requirements import kinds

_BUILT = re.compile(r"nuwa-built ([0-9a-f]{64})")


@dataclass(frozen=True)
class BuiltThere:
    """An image in the podman of a host."""

    connection: Connection
    image: Image
    folder: Path
    """The local folder that layers are written to."""

    def layers(self, digests: Sequence[str]) -> Generator[tuple[str, Path], None, None]:
        """Yield the layers; the next one is fetched while the current one is in use."""
        with ThreadPoolExecutor(1) as pool:
            ahead = [pool.submit(self._layer, digest) for digest in digests[:1]]
            for index, digest in enumerate(digests):
                file = ahead.pop().result()
                ahead = [pool.submit(self._layer, following) for following in digests[index + 1 :][:1]]
                yield digest, file

    def _layer(self, digest: str) -> Path:
        packed = self.folder / f"{digest[-12:]}.gz"
        others = [other for other in self.image.layers if other != digest]
        with packed.open("wb") as target:
            self.connection.fetch("export", self.image.id, digest, *others, stdout=target)
        file = packed.with_suffix("")
        with packed.open("rb") as source, file.open("wb") as target:
            run(["gzip", "-dc"], stdin=source, stdout=target)
        packed.unlink()
        return file

    def configuration(self) -> bytes:
        file = self.folder / "configuration"
        with file.open("wb") as target:
            self.connection.fetch("configuration", self.image.id, stdout=target)
        return file.read_bytes()


def build(connection: Connection, app: App, project: Path, options: Sequence[str], step: Step) -> str:
    """Build the image of a project on a host and return its id.

    Args:
        options: more options of `nuwa build`.

    Raises:
        BuildError: it cannot be built there, or would differ from a build here; the last lines say why.
        RemoteError: the connection was cut.
    """
    _check(app, project)
    with tempfile.TemporaryDirectory(prefix="nuwa-build-on-") as folder:
        archive = Path(folder, "sent.tar")
        _pack(app, project, archive)
        words = ("build", *options)
        packer = ("gzip", "-1", "-c")
        result = connection.stream(
            *words, write=rest_of(archive), packer=packer, count=lambda _: None, on_line=step.line
        )
    found = _BUILT.search(result.stdout)
    if not found:
        raise BuildError(
            f"the image could not be built on {connection.target.destination}",
            details="\n".join(result.stdout.strip().splitlines()[-25:]),
        )
    return found[1]


def inspect(connection: Connection, image: str) -> Image:
    """An image of a host, as podman there describes it."""
    result = connection.capture(f"podman image inspect {image}")
    if not result.ok:
        raise RemoteError(f"{image} is not on {connection.target.destination}", details=result.stderr)
    return Image.of(json.loads(result.stdout)[0])


def files(app: App, project: Path) -> list[str]:
    """Paths of the project's files that go to the host: the build's, and those that select them."""
    everything = context.select(project, ImageSection()).paths
    wanted = {path for path in everything if path in (*LOCKS, *PROJECT_FILES) or _is_requirements(path)}
    # These are used even if .gitignore names them.
    named = [path for path in (*kinds.every(project), app.image.requirements) if not path.startswith("../")]
    wanted |= {path for path in named if (project / path).is_file()}
    if app.build.node:
        entries = frontend.entries(project, app.build.node)
        wanted |= {entry.path.removeprefix(f"{PROJECT}/") for entry in entries}
    wanted.update(context.select(project, app.image).paths)
    return sorted({*wanted, *_ignore_files(project, wanted), load.NAME})


def _ignore_files(project: Path, paths: Iterable[str]) -> set[str]:
    """Each .gitignore that applies to these paths; none of them goes into an image."""
    folders = {parent for path in paths for parent in PurePosixPath(path).parents}
    files = {str(folder / ".gitignore") for folder in folders}
    return {file for file in files if (project / file).is_file()}


def _check(app: App, project: Path) -> None:
    """Refuse a project that needs a file above its folder: the build there would install other versions."""
    found = app.image.requirements or kinds.find(project)
    if found.startswith("../"):
        raise BuildError(
            f"the requirements are in {found}, above the project, and only the project is sent to a host",
            hint="Build here, without --build-on. Or write them into the project: uv export --frozen "
            "--no-dev --no-emit-project --output-file requirements.txt, and in nuwa.toml "
            'image.requirements = "requirements.txt".',
        )


def _is_requirements(path: str) -> bool:
    return bool(
        re.search(r"(^|/)(requirements|constraints)[^/]*\.(txt|in)$|(^|/)requirements/[^/]+\.txt$", path)
    )


def _pack(app: App, project: Path, archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="nuwa-wheel-") as folder, tarfile.open(archive, "w") as packed:
        packed.add(installation.write_wheel(Path(folder)), "nuwa.whl.d/" + _wheel_name(folder))
        packed.add(installation.REQUIREMENTS, "requirements.lock")
        paths = files(app, project)
        for path in paths:
            packed.add(project / path, f"project/{path}", recursive=False)
        state = Path(folder, "git.json")
        state.write_text(git.state(project, paths, project_time(project)))
        packed.add(state, state.name)
        for name, content in build_settings.files(app, project).items():
            (Path(folder) / name).write_bytes(content)
            packed.add(Path(folder) / name, name)


def _wheel_name(folder: str) -> str:
    return next(Path(folder).glob("*.whl")).name
