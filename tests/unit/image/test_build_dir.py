"""The folder of a build, and what is swept away with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from nuwa.engine import Engine
from nuwa.image import build_dir
from nuwa.podman_probe import Podman


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A podman that writes down what it is asked to remove."""
    podman = tmp_path / "podman"
    podman.write_text('#!/bin/sh\necho "$@" >>"$0.calls"\n')
    podman.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return Engine(Podman(str(podman), (4, 3, 1), "", str(tmp_path / "store")))


def calls(engine: Engine) -> list[str]:
    file = Path(f"{engine.argv()[0]}.calls")
    return file.read_text().splitlines() if file.exists() else []


def working_container(engine: Engine, name: str, folder: Path) -> None:
    place = engine.graph_root / "overlay-containers" / name / "userdata"
    place.mkdir(parents=True)
    (place / "buildah.json").write_text(f'{{"Volumes": ["{folder}/mnt:/mnt:ro"]}}')


def test_a_good_build_leaves_no_folder_and_asks_podman_nothing(engine: Engine) -> None:
    with build_dir.opened(engine) as folder:
        (folder / "x").write_text("")
    assert not folder.exists()
    assert calls(engine) == []


def test_a_build_that_is_cut_short_takes_its_working_container_along(engine: Engine) -> None:
    def interrupted() -> Path:
        with build_dir.opened(engine) as folder:
            working_container(engine, "ours", folder)
            working_container(engine, "theirs", folder.with_name("nuwa-build-1-other"))
            made.append(folder)
            raise KeyboardInterrupt

    made: list[Path] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert calls(engine) == ["rm --force --ignore --time 0 ours"]
    assert not made[0].exists()


def test_builds_that_were_killed_are_swept_and_living_ones_are_not(engine: Engine, tmp_path: Path) -> None:
    dead = tmp_path / "tmp" / "nuwa-build-999999999-abc"
    living = tmp_path / "tmp" / "nuwa-build-1-abc"
    for folder in (dead, living):
        folder.mkdir()
        working_container(engine, folder.name, folder)
    build_dir.sweep_dead(engine)
    assert not dead.exists()
    assert living.exists()
    assert calls(engine) == [f"rm --force --ignore --time 0 {dead.name}"]


def test_no_process_of_this_machine_is_ended(engine: Engine, tmp_path: Path) -> None:
    """This process is not in a container, whatever folder is asked about."""
    build_dir.end_steps(Path("/"))
