"""The renderer is compiled by the Python of the image, once for each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from nuwa.errors import BuildError, CommandError
from nuwa.image import renderer
from nuwa.image.layer_tree import Entry
from nuwa.image.layers import Layer
from unit.image.samples import app


class Podman:
    """Its images have the Python of this test."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, image: str, *words: str, options: object, input: bytes, stdout: IO[bytes]) -> None:
        self.asked.append(image)
        subprocess.run([sys.executable, *words], input=input, stdout=stdout, check=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "nuwa" / "renderers"


def compiled(podman: Podman, image: str) -> bytes:
    engine: object = podman
    return renderer.compiled(engine, image)  # type: ignore[arg-type]  # a stand-in


def test_it_is_compiled_once_for_each_image(cache: Path) -> None:
    podman = Podman()
    first = [compiled(podman, image) for image in ("a", "b", "a")]
    assert podman.asked == ["a", "b"]
    assert first[0] == first[1] == first[2]


def test_made_again_it_has_the_same_bytes(cache: Path) -> None:
    podman = Podman()
    first = compiled(podman, "a")
    [kept] = cache.iterdir()
    kept.unlink()
    assert compiled(podman, "a") == first
    assert podman.asked == ["a", "a"]


def test_without_a_cache_it_is_compiled_each_time(cache: Path) -> None:
    cache.parent.write_text("no folder")
    podman = Podman()
    assert compiled(podman, "a") == compiled(podman, "a")
    assert podman.asked == ["a", "a"]


def test_where_no_container_runs_the_error_says_so(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CommandError(["podman", "run", "-c", "a long script"], 126, "crun: operation not permitted")

    podman = Podman()
    monkeypatch.setattr(podman, "run", fail)
    with pytest.raises(BuildError, match="a container of the image 0123456789ab could not") as caught:
        compiled(podman, "0123456789abcdef")
    assert caught.value.details == "crun: operation not permitted"
    assert caught.value.hint.endswith("podman run --rm --network=none 0123456789ab true")
    assert not any(cache.glob("*"))


def test_what_was_not_used_for_long_is_forgotten(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "KEPT", 1)
    podman = Podman()
    for image in ("a", "b", "b", "a"):
        compiled(podman, image)
    assert podman.asked == ["a", "b", "a"]


def test_the_layer_of_an_app_gets_it_with_the_manifest(cache: Path) -> None:
    other = Entry("/srv/app/wsgi.py")
    layer = Layer("app", "blog:1", (), "", entries=(other,))
    made = renderer.with_bytecode(layer, app(), compiled(Podman(), "a"))
    found = {entry.path: entry for entry in made.entries}
    assert found.keys() == {other.path, renderer.PATH}
    assert b"manifest.json" in found[renderer.PATH].read()
