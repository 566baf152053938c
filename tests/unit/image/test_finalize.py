"""What is taken out of a finished image's configuration, and what is put in."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from nuwa.engine import Engine
from nuwa.errors import EngineError
from nuwa.image.finalize import seal
from nuwa.podman_probe import Podman

PODMAN = """#!/bin/sh
if [ "$1" = pull ]; then
  folder=${3#dir:}
  cp "$folder"/manifest.json "$0.manifest"
  sed 's/.*"digest": "sha256:\\([0-9a-f]*\\)".*/\\1/' "$folder/manifest.json" >"$0.id"
  cp "$folder/$(cat "$0.id")" "$0.configuration"
  cat "$0.id"
else
  echo '[]'
  echo 'image not known' >&2
  exit 125
fi
"""


class Store:
    """podman's store as far as it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.podman = folder / "podman"
        self.podman.write_text(PODMAN)
        self.podman.chmod(0o755)
        self.engine = Engine(Podman(str(self.podman), (4, 3, 1), "", str(folder / "store")))

    def add(self, image: str, configuration: dict[str, Any]) -> None:
        folder = self.folder / "store" / "overlay-images" / image
        folder.mkdir(parents=True)
        name = "=" + base64.b64encode(f"sha256:{image}".encode()).decode()
        (folder / name).write_text(json.dumps(configuration))
        (folder / "manifest").write_text(json.dumps({"config": {"mediaType": "x", "digest": ""}}))

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(Path(f"{self.podman}.configuration").read_text())
        return found


def configuration(container: str, layers: int, **config: object) -> dict[str, Any]:
    return {
        "created": "2026-01-01T00:00:00Z",
        "container": container,
        "container_config": {"Hostname": container},
        "parent": "sha256:1",
        "config": {"Hostname": container, "Env": ["PATH=/bin"], **config},
        "rootfs": {"diff_ids": [f"sha256:{number}" for number in range(layers)]},
        "history": [{"created_by": f"|1 APT_CONFIG=/mnt/apt.conf step {number}"} for number in range(9)],
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.add("below", {**configuration("a", 1), "history": [{"created_by": "nuwa base"}]})
    return made


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir()
    return made


def test_two_builds_of_the_same_become_one_id(store: Store, tmp_path: Path) -> None:
    ids = []
    for container in ("one", "two"):
        store.add(container, configuration(container, 2))
        ids.append(
            seal(store.engine, container, "app", {"l": "x"}, "below", folder(tmp_path, f"{container}-d"))
        )
    assert ids[0] == ids[1]
    assert store.stored()["config"] == {"Env": ["PATH=/bin"], "Labels": {"l": "x"}}
    assert "container" not in store.stored()


def test_the_history_has_a_line_a_layer_and_no_build_arguments(store: Store, tmp_path: Path) -> None:
    store.add("built", configuration("c", 2))
    seal(store.engine, "built", "python", {}, "below", folder(tmp_path, "d"))
    assert [line["created_by"] for line in store.stored()["history"]] == ["nuwa base", "nuwa python"]


def test_labels_are_exact_and_those_below_stay(store: Store, tmp_path: Path) -> None:
    value = "a \"b\" 'c' $HOME `id` \\\n\t\x01 ü 😀 ${x:-y} " + "x" * 200_000
    store.add("built", configuration("c", 2, Labels={"kept": "1", "replaced": "1"}))
    seal(store.engine, "built", "app", {"Setup": value, "replaced": "2"}, "below", folder(tmp_path, "d"))
    assert store.stored()["config"]["Labels"] == {"kept": "1", "replaced": "2", "Setup": value}


def test_programs_start_where_it_is_said_and_else_where_they_did_below(store: Store, tmp_path: Path) -> None:
    for name, workdir, found in (("a", "/srv/app", "/srv/app"), ("b", "", "/below")):
        store.add(name, configuration("c", 2, WorkingDir="/below"))
        seal(store.engine, name, "app", {}, "below", folder(tmp_path, name), workdir)
        assert store.stored()["config"]["WorkingDir"] == found


def test_an_image_on_nothing_has_the_history_of_its_own(store: Store, tmp_path: Path) -> None:
    store.add("built", configuration("c", 1))
    seal(store.engine, "built", "bootstrap", {}, "", folder(tmp_path, "d"))
    assert [line["created_by"] for line in store.stored()["history"]] == ["nuwa bootstrap"]


def test_a_store_that_is_kept_elsewhere_is_an_error_that_says_where_it_looked(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="not found in") as caught:
        seal(store.engine, "gone", "app", {}, "below", folder(tmp_path, "d"))
    assert "graphRoot" in caught.value.hint
