"""The renderer of an app, with bytecode for the Python that runs it: that of the image itself.

What is the same for all apps is compiled once per Python, in a container of an image that has it, and cached
on this machine. The same image and the same nuwa give the same bytes, with or without the cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from nuwa import files, names
from nuwa.engine import Engine
from nuwa.errors import BuildError, CommandError
from nuwa.image import layer_tree
from nuwa.image.files import File
from nuwa.image.layers import Layer
from nuwa.manifest.model import App
from nuwa.render import bytecode, zipapp
from nuwa.resources import cache_folder

PATH = f"{names.LIB}/render.pyz"
KEPT = 8
"""How many compiled renderers are kept: one per distribution that apps are built on, and some older ones."""
_CONTAINER = (
    *("--rm", "--interactive", "--network=none", "--read-only", "--cap-drop=all", "--pull=never"),
    *("--security-opt=no-new-privileges", "--log-driver=none", "--no-healthcheck"),
    # Sets among the constants are written in the order of their hashes.
    *("--env=PYTHONHASHSEED=0", f"--entrypoint={names.LIB}/python"),
)


def with_bytecode(layer: Layer, app: App, archive: bytes) -> Layer:
    """The app layer with another renderer: `archive`, with the app's manifest added."""
    made = layer_tree.generated({PATH: File(zipapp.with_manifest(archive, app))})
    return replace(layer, entries=layer_tree.merge(layer.entries, made))


def compiled(engine: Engine, image: str) -> bytes:
    """The renderer of all apps, without a manifest, for the Python of an image.

    Args:
        image: its id.

    Raises:
        BuildError: no container of the image can be run, or it cannot compile the renderer.
    """
    sources = zipapp.sources()
    kept = cache_folder() / "renderers" / f"{_digest(sources, image)}.zip"
    with suppress(OSError):
        archive = kept.read_bytes()
        kept.touch()
        return archive
    archive = _compile(engine, image, zipapp.archive(sources))
    with suppress(OSError):
        files.write(kept, archive)
        _forget(kept.parent)
    return archive


def _digest(sources: Mapping[str, bytes], image: str) -> str:
    """A checksum of everything that determines the bytes; `sources` includes how templates are compiled."""
    whole = sha256(f"{image}\0".encode() + Path(bytecode.__file__).read_bytes())
    for name, content in sorted(sources.items()):
        whole.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def _compile(engine: Engine, image: str, archive: bytes) -> bytes:
    script = Path(bytecode.__file__).read_text()
    with tempfile.TemporaryFile() as file:
        try:
            engine.run(image, "-S", "-c", script, options=_CONTAINER, input=archive, stdout=file)
        except CommandError as error:
            raise BuildError(
                f"a container of the image {image[:12]} could not compile nuwa's renderer",
                details=error.output,
                hint=f"podman must be able to run it: podman run --rm --network=none {image[:12]} true",
            ) from None
        file.seek(0)
        return file.read()


def _forget(folder: Path) -> None:
    """Remove all but the most recently used."""
    found = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[KEPT:]:
        path.unlink(missing_ok=True)
