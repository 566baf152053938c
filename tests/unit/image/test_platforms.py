"""Images for another processor than this machine's: nothing of theirs is taken for the machine's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from nuwa import names
from nuwa.console import Quiet
from nuwa.engine import Engine, Image
from nuwa.errors import BuildError
from nuwa.image import base_image, bootstrap, build, build_inputs, build_layer, emulation
from nuwa.image.build_spec import Recipe
from nuwa.image.families import load
from nuwa.image.layers import Layer
from nuwa.names import Platform
from nuwa.podman_probe import Podman
from nuwa.process import Result
from unit.image import samples
from unit.image.test_layers import stack

PULLED = "docker.io/library/debian:trixie-slim"
OURS = "localhost/app/pulled/docker.io/library/debian-trixie-slim:arm64"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An amd64 machine, with a cache of its own."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("NUWA_APT_MIRROR", "http://mirror.test/debian")
    monkeypatch.delenv("NUWA_BASE_IMAGE", raising=False)


def layers(family: str, architecture: str, folder: Path) -> list[Layer]:
    return stack(Recipe.of(samples.full(family), architecture), folder)


@pytest.mark.parametrize("family", ["debian", "rockylinux"])
def test_each_layer_has_a_name_of_its_own_and_is_built_on_its_own_kind(tmp_path: Path, family: str) -> None:
    (tmp_path / "manage.py").touch()
    own, other = (layers(family, architecture, tmp_path) for architecture in ("", "arm64"))
    assert [f"{layer.tag}-arm64" for layer in own] == [layer.tag for layer in other]
    for layer in other[1:]:
        assert all(parent.endswith("-arm64") for parent in layer.parents)
        assert f"FROM {layer.parents[0]}" in layer.containerfile
    for one, two in zip(own, other, strict=True):
        assert one.labels[names.LABEL_FAMILY] == two.labels[names.LABEL_FAMILY]


def test_what_is_downloaded_is_for_that_processor(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    text = layers("rockylinux", "arm64", tmp_path)[0].containerfile
    assert "s6-overlay-aarch64.tar.xz" in text
    assert "x86_64" not in text
    el8 = replace(samples.full("rockylinux"), image=replace(samples.full("rockylinux").image, release="8"))
    with pytest.raises(BuildError, match="no wkhtmltopdf for Rocky Linux 8 on aarch64"):
        Recipe.of(el8, "arm64")


def test_a_version_that_leaves_no_room_in_the_tag_is_refused() -> None:
    app = samples.app()
    long = replace(app, app=replace(app.app, version="v" * 125))
    assert Recipe.of(long).tag.endswith("v" * 125)
    with pytest.raises(BuildError, match="too long for an image's tag for arm64") as caught:
        Recipe.of(long, "arm64")
    assert "122 characters" in caught.value.hint


def test_podman_is_told_what_the_image_is_for() -> None:
    assert build_layer.for_platform(Platform("debian", "13", "arm64")) == ["--platform", "linux/arm64"]
    assert build_layer.for_platform(Platform("debian", "13")) == []


def test_caches_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuwa.image.uv_program._download", lambda *words: _installed(Path(words[-1])))
    debian, found = load("debian"), {}
    for architecture in ("", "arm64"):
        folder = tmp_path / f"mnt{architecture}"
        folder.mkdir()
        words = build_inputs.lay_out(folder, debian, debian.release("13"), {}, architecture=architecture)
        sources = [word.partition(":")[0] for word in words if word.startswith("/")]
        found[architecture] = {word for word in sources if word.startswith(str(tmp_path / "cache"))}
    assert not found[""] & found["arm64"]
    assert {Path(word).name for word in found["arm64"]} >= {"trixie-archives-arm64", "python-arm64", "uv"}


def _installed(folder: Path) -> None:
    (folder / "installed/bin").mkdir(parents=True)
    (folder / "installed/bin/uv").touch()


def test_without_an_emulator_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(wanted: str) -> None:
        raise BuildError(f"no emulator for {wanted}")

    monkeypatch.setattr(emulation, "check", check)
    broken = Engine(Podman(str(tmp_path / "no-podman"), (4, 3, 1)))
    with pytest.raises(BuildError, match="no emulator for arm64"):
        build.build(samples.app(), tmp_path, build.Options(architecture="arm64"), broken, Quiet())


def test_debian_is_made_of_packages_for_that_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    monkeypatch.setattr(bootstrap, "_run_mmdebstrap", lambda argv, _: words.extend(argv))
    monkeypatch.setattr(bootstrap, "_import", lambda *_: None)
    monkeypatch.setattr(bootstrap, "check_space", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda program: program)
    asked = _engine(tmp_path, "echo '[]'; echo 'image not known' >&2; exit 125")
    assert bootstrap.ensure(asked, Platform("debian", "13", "arm64"), Quiet()).endswith(":13-arm64")
    assert "--architectures=arm64" in words
    monkeypatch.setattr("shutil.which", lambda program: None if program == "arch-test" else program)
    with pytest.raises(BuildError, match="arch-test is not installed") as caught:
        bootstrap.ensure(asked, Platform("debian", "13", "arm64"), Quiet())
    assert caught.value.hint == "apt-get install arch-test"


@pytest.mark.parametrize("before", ["", "amd64-id"])
def test_a_registrys_name_stays_that_of_this_machines_own_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    said: list[str] = []
    names_of = {PULLED: before} if before else {}

    def podman(*words: str, **_: object) -> Result:
        said.append(" ".join(words))
        if words[0] == "pull":
            names_of[PULLED] = "arm64-id"
        elif words[0] == "tag":
            names_of[words[2]] = words[1]
        elif words[0] == "untag":
            del names_of[words[2]]
        return Result([], 0, "arm64-id\n", "")

    def image(reference: str) -> object:
        found = names_of.get(reference, reference if reference.endswith("-id") else "")
        return SimpleNamespace(id=found, architecture=found.partition("-")[0]) if found else None

    engine = Engine(Podman("podman", (4, 3, 1)))
    monkeypatch.setattr(engine, "podman", podman)
    monkeypatch.setattr(engine, "image", image)
    recipe = Recipe.of(samples.app(), "arm64")
    assert base_image.get(engine, recipe, "auto", Quiet()) == OURS
    assert f"pull --quiet --platform linux/arm64 {PULLED}" in said
    assert names_of == {OURS: "arm64-id", **({PULLED: before} if before else {})}
    assert base_image.candidates(recipe, "auto") == ("localhost/app/debian-bootstrap:13-arm64", OURS)


def test_a_bare_image_for_another_processor_is_not_built_on() -> None:
    own, other = Recipe.of(samples.app()), Recipe.of(samples.app(), "arm64")
    image = Image("a" * 64, (), {}, 0, (), {"Architecture": "arm64"})
    assert not base_image.is_usable(PULLED, image, own)
    assert base_image.is_usable(OURS, image, other)


def _engine(folder: Path, script: str) -> Engine:
    podman = folder / "podman"
    podman.write_text(f"#!/bin/sh\n{script}\n")
    podman.chmod(0o755)
    return Engine(Podman(str(podman), (4, 3, 1)))
