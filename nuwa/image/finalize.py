"""Sets the labels of a finished image, and removes what building it left in its configuration.

podman writes the id and host name of its working container into an image's configuration, and each step with
its build arguments into the history. A sealed image has the same layers, a configuration without those, and
one line of history for each layer of nuwa, so the same inputs give the same id. Labels are written here too,
where they stay exact: podman parses those on its command line like a Dockerfile. Nothing is copied, since
podman finds the layers in its store.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from nuwa.engine import Engine
from nuwa.errors import EngineError
from nuwa.image import overlay_attributes

_ACCIDENTAL = ("container", "container_config", "docker_version", "parent")
_ACCIDENTAL_IN_CONFIG = ("Hostname", "Domainname", "Image", "OnBuild")
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_NOTHING: dict[str, Any] = {"rootfs": {"diff_ids": []}}

Configuration = dict[str, Any]


def seal(
    engine: Engine,
    image: str,
    name: str,
    labels: Mapping[str, str],
    parent: str,
    folder: Path,
    workdir: str = "",
) -> str:
    """Store the sealed form of an image and return its id; the image as it was built stays.

    Args:
        image: the id of the image as it was built.
        name: the layer's, for the history.
        labels: to set; those of the parent image are kept unless they are set here.
        parent: the id of the image below; empty: there is none.
        folder: an empty folder to work in.
        workdir: the working directory; empty: that of the parent image. With a WORKDIR, podman would start
            itself three times.

    Raises:
        EngineError: podman stores its images in an unknown way.
    """
    manifest = _read(engine, image, "manifest")
    configuration = _read(engine, image, _configuration_file(image))
    below = _below(engine, parent) if parent else _NOTHING
    if os.getuid() != 0:
        _strip_layers(engine, image, manifest, configuration, len(below["rootfs"]["diff_ids"]), folder)
    _clean(configuration, below, name)
    config = configuration["config"]
    config["Labels"] = {**(config.get("Labels") or {}), **labels}
    config |= {"WorkingDir": workdir} if workdir else {}
    _write(folder, manifest, json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode())
    return engine.podman("pull", "--quiet", f"dir:{folder}").stdout.strip()


def _clean(configuration: Configuration, below: Configuration, name: str) -> None:
    for key in _ACCIDENTAL:
        configuration.pop(key, None)
    for key in _ACCIDENTAL_IN_CONFIG:
        configuration["config"].pop(key, None)
    added = len(configuration["rootfs"]["diff_ids"]) - len(below["rootfs"]["diff_ids"])
    line = {"created": configuration["created"], "created_by": f"nuwa {name}"}
    configuration["history"] = [*below.get("history", ()), *[line] * added]


def _strip_layers(
    engine: Engine,
    image: str,
    manifest: Configuration,
    configuration: Configuration,
    first: int,
    folder: Path,
) -> None:
    """Write the layers from `first` on into the folder, without the attributes that rootless podman adds."""
    digests = configuration["rootfs"]["diff_ids"]
    for index, digest in list(enumerate(digests))[first:]:
        with tempfile.TemporaryDirectory(dir=folder.parent) as layout:
            ((_, saved),) = engine.save_layers(image, tuple(digests), [digest], Path(layout))
            made = folder / "layer"
            with saved.open("rb") as source, made.open("wb") as target:
                layer = overlay_attributes.strip(source, target)
        made.rename(folder / layer.digest.removeprefix("sha256:"))
        digests[index] = layer.digest
        manifest["layers"][index] |= {"mediaType": _LAYER, "size": layer.size, "digest": layer.digest}


def _below(engine: Engine, parent: str) -> Configuration:
    """The configuration of the parent image, which may be in an additional image store."""
    try:
        return _read(engine, parent, _configuration_file(parent))
    except EngineError:
        image = engine.image(parent)
        if image is None:
            raise
        return {"rootfs": {"diff_ids": list(image.layers)}, "history": image.data.get("History") or []}


def _read(engine: Engine, image: str, name: str) -> Configuration:
    """A file of an image in podman's store (containers/storage): its manifest, or its configuration."""
    for file in engine.graph_root.glob(f"*-images/{image}/{name}"):
        read: Configuration = json.loads(file.read_bytes())
        return read
    raise EngineError(
        f"the image {image[:12]} was built, but is not found in {engine.graph_root}",
        hint="nuwa reads finished images from the folder that podman info shows as graphRoot.",
    )


def _configuration_file(image: str) -> str:
    """The store encodes file names that are not plain names in base64."""
    return "=" + base64.b64encode(f"sha256:{image}".encode()).decode()


def _write(folder: Path, manifest: Configuration, configuration: bytes) -> None:
    """Write an image as a folder (containers-transports(5), `dir:`), without its layers."""
    digest = sha256(configuration).hexdigest()
    manifest["config"] |= {"size": len(configuration), "digest": f"sha256:{digest}"}
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / digest).write_bytes(configuration)
