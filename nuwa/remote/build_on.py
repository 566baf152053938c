"""A build on a host, where this machine cannot build: nuwa itself and a copy of the project go there by ssh.

The copy holds what the image takes of the project, and the files that say what it requires. The image stays
there, in that host's podman; `BuiltThere` hands out its layers like those of an image here.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuwa import installation
from nuwa.console import Step
from nuwa.engine import Image
from nuwa.errors import BuildError, RemoteError
from nuwa.image import context
from nuwa.manifest import load
from nuwa.manifest.checks import LOCKS, PROJECT_FILES
from nuwa.manifest.model import App
from nuwa.manifest.model import Image as ImageSection
from nuwa.process import run
from nuwa.remote.ssh import Connection

_BUILT = re.compile(r"nuwa-built ([0-9a-f]{64})")


@dataclass(frozen=True)
class BuiltThere:
    """An image in the podman of a host."""

    connection: Connection
    image: Image
    folder: Path
    """Where layers are written to here."""

    def layer(self, digest: str) -> Path:
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
        options: further words of `nuwa build`.

    Raises:
        BuildError: it cannot be built there; the last lines say why.
        RemoteError: the connection was cut.
    """
    with tempfile.TemporaryDirectory(prefix="nuwa-build-on-") as folder:
        archive = Path(folder, "sent.tar")
        _pack(app, project, archive)
        words = ("build", *options)
        packer = ("gzip", "-1", "-c")
        result = connection.stream(
            *words, file=archive, offset=0, packer=packer, count=lambda _: None, on_line=step.line
        )
    found = _BUILT.search(result.stdout)
    if not found:
        raise BuildError(
            f"the image could not be built on {connection.target.destination}",
            details="\n".join(result.stdout.strip().splitlines()[-25:]),
        )
    return found[1]


def inspect(connection: Connection, image: str) -> Image:
    """An image of a host, as podman there tells it."""
    result = connection.capture(f"podman image inspect {image}")
    if not result.ok:
        raise RemoteError(f"{image} is not on {connection.target.destination}", details=result.stderr)
    return Image.of(json.loads(result.stdout)[0])


def files(app: App, project: Path) -> list[str]:
    """What of a project goes to the host, by path: no more than the image takes, and its requirements."""
    requirements = (*LOCKS, *PROJECT_FILES, app.image.requirements)
    everything = context.select(project, ImageSection()).paths
    wanted = {path for path in everything if path in requirements or _is_requirements(path)}
    return sorted({*context.select(project, app.image).paths, *wanted, load.NAME})


def _is_requirements(path: str) -> bool:
    return bool(
        re.search(r"(^|/)(requirements|constraints)[^/]*\.(txt|in)$|(^|/)requirements/[^/]+\.txt$", path)
    )


def _pack(app: App, project: Path, archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="nuwa-wheel-") as folder, tarfile.open(archive, "w") as packed:
        packed.add(installation.write_wheel(Path(folder)), "nuwa.whl.d/" + _wheel_name(folder))
        packed.add(installation.REQUIREMENTS, "requirements.lock")
        for path in files(app, project):
            packed.add(project / path, f"project/{path}", recursive=False)


def _wheel_name(folder: str) -> str:
    return next(Path(folder).glob("*.whl")).name
