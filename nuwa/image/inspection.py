"""What an image contains, according to its labels and history; nothing of it is run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nuwa import names
from nuwa.engine import Engine, Image
from nuwa.errors import NuwaError
from nuwa.manifest.model import App, from_json
from nuwa.setup_label import read, write
from nuwa.setup_label.read import SetupLabel


@dataclass(frozen=True)
class LayerSize:
    """One layer as it is stored.

    Args:
        name: `base`, `python`, …; empty for a layer that nuwa did not make.
        size: bytes, without the layers below it.
    """

    name: str
    size: int


@dataclass(frozen=True)
class Inspection:
    """The result of inspecting an image.

    Args:
        app: its manifest; None for a layer that is not an app.
        setup: its Setup label; None when it has none.
        layers: the lowest first.
    """

    image: Image
    app: App | None
    setup: SetupLabel | None
    layers: tuple[LayerSize, ...]

    @property
    def digest(self) -> str:
        return str(self.image.data.get("Digest") or "")

    @property
    def services(self) -> dict[str, str]:
        """The services that run in it, with a description of each."""
        if self.app is None:
            return {}
        server = self.app.server
        return {
            "server": f"{server.kind}, {server.module}",
            "rsyslogd": "log",
            "cron": "; ".join(f"{job.name} ({job.schedule})" for job in self.app.cron)
            or "no jobs of the app",
            **{
                names.Names.process_service(member): " ".join(item.command)
                for item in self.app.process
                for member in item.members
            },
        }

    @property
    def changed_scripts(self) -> tuple[str, ...]:
        """Scripts of the Setup label that this version of nuwa would write differently, or not at all."""
        if self.app is None or self.setup is None:
            return ()
        expected = {f"bin/{name}": text.encode() for name, text in write.bin_files(self.app).items()}
        found = self.setup.files
        return tuple(sorted(name for name in expected | found if expected.get(name) != found.get(name)))


def inspect(engine: Engine, reference: str) -> Inspection:
    """Inspect an image in podman's store.

    Raises:
        NuwaError: it is not there, or its labels are damaged.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", reference):
        raise NuwaError(f"{reference!r} is not the name or id of an image")
    image = engine.image(reference)
    if image is None:
        raise NuwaError(
            f"there is no image {reference} here", hint=f"Build it, or get it: podman pull {reference}"
        )
    history = json.loads(engine.podman("history", "--format", "json", image.id).stdout)
    label = image.labels.get(names.LABEL_SETUP, "")
    return Inspection(image, _app(image.labels), read.read(label) if label else None, layers(history))


def layers(history: list[dict[str, Any]]) -> tuple[LayerSize, ...]:
    """The layers of an image, from its history as `podman history` prints it: the newest first.

    Entries without a size belong to a layer too. If podman made one layer of a whole build, its size is
    in the first of them; if it kept the steps apart, labels come before the layer that they belong to.
    """
    chunks: list[list[dict[str, Any]]] = [[]]
    steps_apart = bool(history) and not history[0].get("size")
    for entry in history:
        if chunks[-1] and (chunks[-1][-1] if steps_apart else entry).get("size"):
            chunks.append([])
        chunks[-1].append(entry)
    found = [
        LayerSize(_layer_name(chunk), sum(entry.get("size") or 0 for entry in chunk)) for chunk in chunks
    ]
    return tuple(layer for layer in reversed(found) if layer.size)


def _layer_name(history: list[dict[str, Any]]) -> str:
    label = rf'"{re.escape(names.LABEL_LAYER)}"="([a-z_]+)"|^nuwa ([a-z_]+)$'
    found = (re.search(label, entry.get("CreatedBy") or "") for entry in history)
    return next((match[1] or match[2] for match in found if match), "")


def _app(labels: Mapping[str, str]) -> App | None:
    text = labels.get(names.LABEL_MANIFEST)
    if not text:
        return None
    try:
        app: App = from_json(App, json.loads(text))
    except (ValueError, TypeError) as error:
        raise NuwaError(
            f"the manifest in the image's label cannot be read: {error}",
            hint="The image was made by another version of nuwa.",
        ) from None
    return app
