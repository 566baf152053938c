"""How a build goes, with podman and its work on each layer replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from nuwa.console import Quiet
from nuwa.engine import Image
from nuwa.image import base_image, build
from nuwa.image.build_spec import Recipe
from nuwa.image.layers import Layer
from unit.image.samples import app


class Podman:
    """Has no image."""

    def image_inspect(self, *names: str) -> dict[str, Image | None]:
        return dict.fromkeys(names)

    def find_image(self, label: str, value: str) -> None:
        """None has that label."""

    def run(self, *_: str, input: bytes, stdout: IO[bytes], **__: object) -> None:
        """Its containers leave the renderer as it is."""
        stdout.write(input)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("requirements.txt", "manage.py", "draft.py"):
        (folder / name).write_text("")
    return folder


@pytest.fixture
def made(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Layer]:
    """The layers that are built; while the Python packages are installed, somebody works on the project."""
    layers: list[Layer] = []

    def make(*words: object) -> str:
        layer = words[2]
        assert isinstance(layer, Layer)
        layers.append(layer)
        if layer.name == "requirements":
            (project / "draft.py").rename(project / "views.py")
        return f"{len(layers):064}"

    monkeypatch.setattr(build, "make", make)
    monkeypatch.setattr(base_image, "get", lambda *_: "bare:1")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return layers


def of_project(layer: Layer) -> Sequence[str]:
    return [entry.path for entry in layer.entries if entry.path.startswith("/srv/app/")]


def test_the_app_s_layer_has_the_files_that_are_there_once_those_below_it_are_built(
    project: Path, made: list[Layer]
) -> None:
    engine: object = Podman()
    recipe = Recipe.of(app())
    build._Build(recipe, project, build.Options(), engine, Quiet()).run()  # type: ignore[arg-type]  # a stand-in
    assert made[-1].name == "app"
    assert of_project(made[-1]) == ["/srv/app/manage.py", "/srv/app/requirements.txt", "/srv/app/views.py"]
