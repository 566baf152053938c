"""`nuwa setup` and `nuwa inspect` on a real image: shown and verified first, then run as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runtime_manifest import Kind

from nuwa import names
from nuwa.engine import Engine
from nuwa.manifest.model import App, AppSection, Server, to_json
from nuwa.setup_label import write

NAME = "localhost/nuwa-test/setup-command:1"
APP = App(AppSection("setup-command", "1"), Server("a:b"))
NUWA = Path(sys.executable).with_name("nuwa")


@pytest.fixture(scope="module")
def image(
    engine: Engine, runtime_image: Callable[[Kind], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The labels of an app, on an image that can run what unpacks the scripts."""
    context = tmp_path_factory.mktemp("context")
    (context / "file").write_text("x")
    labels = {
        names.LABEL_SETUP: write.setup_script(APP),
        names.LABEL_MANIFEST: json.dumps(to_json(APP)),
        names.LABEL_LAYER: "app",
    }
    options = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    containerfile = f"FROM {runtime_image('gunicorn')}\nCOPY file /file\n"
    engine.tag(engine.build(containerfile, context, ["--pull=never", *options]), NAME)
    yield NAME
    engine.remove_image(NAME)


def nuwa(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NUWA, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_a_dry_run_shows_all_and_writes_nothing(image: str, tmp_path: Path) -> None:
    done = nuwa("setup", image, tmp_path / "site", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing was written." in done.stdout
    assert f"new        {tmp_path}/site/bin/run" in done.stderr
    assert "All of it is what nuwa" in done.stderr
    assert "signatures " in done.stderr
    assert not (tmp_path / "site").exists()


def test_without_a_person_to_ask_it_writes_nothing(image: str, tmp_path: Path) -> None:
    done = nuwa("setup", image, tmp_path / "site")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not (tmp_path / "site").exists()


def test_it_writes_what_the_label_writes(image: str, engine: Engine, tmp_path: Path) -> None:
    by_tool, by_label = tmp_path / "by tool", tmp_path / "by label"
    done = nuwa("setup", image, by_tool, "--yes")
    assert done.returncode == 0, done.stderr
    found = engine.image(image)
    assert found
    subprocess.run(
        ["bash", "-c", found.labels[names.LABEL_SETUP]],
        env={**os.environ, **engine.env, "BID": image, "NUWA_DIR": str(by_label)},
        check=True,
        capture_output=True,
    )
    content = [
        {
            str(path.relative_to(folder)): path.read_bytes()
            for path in (folder / "bin").rglob("*")
            if path.is_file()
        }
        for folder in (by_tool, by_label)
    ]
    assert content[0] == content[1]
    assert (by_tool / "bin" / ".image").read_text().strip() == found.id


def test_a_second_time_all_is_unchanged(image: str, tmp_path: Path) -> None:
    nuwa("setup", image, tmp_path, "--yes")
    data = json.loads(nuwa("setup", image, tmp_path, "--dry-run", "--json").stdout)
    assert data["ok"] is True
    assert data["written"] is False
    assert all("unchanged" in line for line in data["changes"][1:])


def test_inspect_tells_what_is_in_the_image(image: str) -> None:
    data = json.loads(nuwa("inspect", image, "--json").stdout)
    assert data["names"] == [image]
    assert "app" in [layer["name"] for layer in data["layers"]]
    assert data["services"]["server"] == "gunicorn, a:b"
    assert data["setup"]["genuine"] is True
    assert data["setup"]["files"]["bin/run"] > 0
    text = nuwa("inspect", image).stdout
    assert "Setup would write" in text
    assert nuwa("inspect", image, "--script").stdout.strip() == write.setup_script(APP).strip()


def test_an_image_that_is_not_there_or_has_no_label_is_an_error(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    done = nuwa("setup", "localhost/nuwa-test/nowhere:1", tmp_path, "--yes")
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "podman pull" in done.stderr
    (tmp_path / "file").write_text("x")
    bare = engine.build("FROM scratch\nCOPY file /file\n", tmp_path, ["--label", "other=1"])
    try:
        done = nuwa("setup", bare, tmp_path, "--yes")
        assert done.returncode == 1
        assert "has no Setup label" in done.stderr
    finally:
        engine.remove_image(bare)
