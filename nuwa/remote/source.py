"""A local image, taken apart: the layers that a host lacks, each as a file, and its configuration.

`podman save` into an OCI layout skips each layer whose blob already exists, whatever its content. So empty
files take the place of the layers that are not wanted, and only the others are written: uncompressed, under
the digests by which every image store identifies its layers, wherever they came from.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nuwa.engine import Engine, Image
from nuwa.errors import EngineError

TEMPORARY = "/var/tmp"  # noqa: S108 - large files do not belong in memory; podman uses it too
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIGURATION = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


class Source(Protocol):
    """Where an image is sent from."""

    @property
    def image(self) -> Image: ...

    def layers(self, digests: Sequence[str]) -> Generator[tuple[str, Path], None, None]:
        """Each of these layers with an uncompressed file, in any order; the file may be removed after use.

        If closed early, it stops the process that writes them.
        """

    def configuration(self) -> bytes:
        """The image's configuration; its sha256 is the image's id."""


@dataclass(frozen=True)
class LocalSource:
    """An image in this machine's podman."""

    engine: Engine
    image: Image
    folder: Path
    """The folder that layers are written to."""

    def layers(self, digests: Sequence[str]) -> Generator[tuple[str, Path], None, None]:
        layout = Path(tempfile.mkdtemp(dir=self.folder))
        return self.engine.save_layers(self.image.id, self.image.layers, digests, layout)

    def configuration(self) -> bytes:
        """The one in podman's store, if its sha256 matches; else the one that is saved with all layers."""
        key = base64.b64encode(f"sha256:{self.image.id}".encode()).decode()
        for kept in self.engine.graph_root.glob(f"*-images/{self.image.id}/={key}"):
            if _is(self.image, content := kept.read_bytes()):
                return content
        return self._saved_configuration()

    def _saved_configuration(self) -> bytes:
        saved = Path(tempfile.mkdtemp(dir=self.folder)) / "image"
        self.engine.podman("save", "--quiet", "--format", "docker-dir", "--output", saved, self.image.id)
        content = (saved / self.image.id).read_bytes()
        if not _is(self.image, content):
            raise EngineError(f"podman saves another configuration than that of {self.image.id[:12]}")
        return content


@contextmanager
def local(engine: Engine, image: Image) -> Iterator[LocalSource]:
    """A local image while the block runs; its files are removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="nuwa-deploy-", dir=TEMPORARY) as folder:
        yield LocalSource(engine, image, Path(folder))


def manifest(image: Image, configuration: bytes, sizes: dict[str, int]) -> bytes:
    """The manifest with which podman loads the image from a folder.

    Args:
        sizes: bytes of the layers that are in the folder; those of the others are not needed.
    """
    layers = [
        {"mediaType": _LAYER, "size": sizes.get(digest, 0), "digest": digest} for digest in image.layers
    ]
    config = {"mediaType": _CONFIGURATION, "size": len(configuration), "digest": f"sha256:{image.id}"}
    made = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
    return json.dumps(made).encode()


def _is(image: Image, configuration: bytes) -> bool:
    import hashlib

    return hashlib.sha256(configuration).hexdigest() == image.id
