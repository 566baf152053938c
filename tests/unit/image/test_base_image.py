"""Where the bare distribution comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.errors import BuildError
from nuwa.image import base_image, bootstrap
from nuwa.image.base_image import Choice
from nuwa.image.build_spec import Recipe
from nuwa.names import Platform
from nuwa.podman_probe import Podman
from unit.image.samples import app

MADE = "localhost/app/debian-bootstrap:13"
PULLED = "docker.io/library/debian:trixie-slim"


class Told(Quiet):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def engine(folder: Path, pull: str) -> Engine:
    podman = folder / "podman"
    podman.write_text(f"#!/bin/sh\n{pull}\n")
    podman.chmod(0o755)
    return Engine(Podman(str(podman), (4, 3, 1)))


@pytest.fixture(autouse=True)
def no_real_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure(engine: Engine, platform: Platform, progress: object) -> str:
        return platform.bootstrap_image

    monkeypatch.setattr(bootstrap, "ensure", ensure)


@pytest.mark.parametrize(
    ("family", "choice", "names"),
    [
        ("debian", "auto", (MADE, PULLED)),
        ("debian", "registry", (PULLED,)),
        ("debian", "bootstrap", (MADE,)),
        ("rockylinux", "auto", ("docker.io/rockylinux/rockylinux:9",)),
    ],
)
def test_what_may_be_here_already(family: str, choice: Choice, names: tuple[str, ...]) -> None:
    assert base_image.candidates(Recipe.of(app(family)), choice) == names


def test_a_registry_that_answers_is_used(tmp_path: Path) -> None:
    assert base_image.get(engine(tmp_path, "echo id"), Recipe.of(app()), "auto", Quiet()) == PULLED


def test_debian_is_made_here_when_no_registry_answers_and_it_is_said(tmp_path: Path) -> None:
    told = Told()
    made = base_image.get(
        engine(tmp_path, "echo 'dial tcp: i/o timeout' >&2; exit 125"), Recipe.of(app()), "auto", told
    )
    assert made == MADE
    assert "bootstrapped from packages" in told.notes[0]


def test_a_registry_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "SHORT_PULL_TIMEOUT_S", 0.2)
    assert base_image.get(engine(tmp_path, "sleep 60"), Recipe.of(app()), "auto", Quiet()) == MADE


@pytest.mark.parametrize(("family", "choice"), [("rockylinux", "auto"), ("debian", "registry")])
def test_without_another_way_the_error_names_debian(tmp_path: Path, family: str, choice: Choice) -> None:
    with pytest.raises(BuildError, match="cannot be pulled") as caught:
        base_image.get(
            engine(tmp_path, "echo 'dial tcp: i/o timeout' >&2; exit 125"),
            Recipe.of(app(family)),
            choice,
            Quiet(),
        )
    assert "--family debian" in caught.value.hint
    assert "i/o timeout" in caught.value.details


def test_an_image_of_ones_own_is_what_builds_start_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "registry.example.com/mirror/rockylinux:9"
    monkeypatch.setenv("NUWA_BASE_IMAGE", own)
    told = Told()
    for family in ("debian", "rockylinux"):
        recipe = Recipe.of(app(family))
        assert base_image.candidates(recipe, "auto") == (own,)
        assert base_image.candidates(recipe, "registry") == (own,)
        assert base_image.get(engine(tmp_path, 'test "$3" = ' + own), recipe, "auto", Quiet()) == own
    assert base_image.candidates(Recipe.of(app()), "bootstrap") == (MADE,)
    base_image.note_choice(Recipe.of(app("rockylinux")), own, told)
    assert own in told.notes[0]
    assert "not from docker.io/rockylinux/rockylinux:9" in told.notes[0]


def test_without_an_image_of_ones_own_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUWA_BASE_IMAGE", raising=False)
    told = Told()
    base_image.note_choice(Recipe.of(app()), MADE, told)
    assert told.notes == []


def test_an_image_of_ones_own_that_is_nowhere_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUWA_BASE_IMAGE", "localhost/mine:9")
    failing = engine(tmp_path, "echo 'manifest unknown' >&2; exit 125")
    with pytest.raises(BuildError, match="localhost/mine:9, which NUWA_BASE_IMAGE names") as caught:
        base_image.get(failing, Recipe.of(app()), "auto", Quiet())
    assert "unset NUWA_BASE_IMAGE" in caught.value.hint
    monkeypatch.setenv("NUWA_BASE_IMAGE", "$(id)")
    with pytest.raises(BuildError, match="not the name of an image"):
        base_image.candidates(Recipe.of(app()), "auto")
