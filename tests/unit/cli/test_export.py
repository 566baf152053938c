"""`nuwa export kubernetes`: what it prints, what it writes, and what stays of an export before."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nuwa.cli import export, main, shared
from nuwa.manifest.data import Volume
from nuwa.manifest.model import App, AppSection, Env, Process, Server

DIGEST = f"sha256:{'c' * 64}"
NAMES = [f"localhost/app/blog@{DIGEST}", f"registry.example.com/blog@{DIGEST}"]


def made(**sections: Any) -> App:
    values = {"app": AppSection(name="blog", domains=("a.example.com",)), "server": Server(module="a:b")}
    return App(**{**values, "env": Env(secrets=("MAIL",), generated=("KEY",)), **sections})


@pytest.fixture(autouse=True)
def image(monkeypatch: pytest.MonkeyPatch) -> dict[str, App]:
    """The image that is asked for, without a podman."""
    there = {"app": made(process=(Process("w", ("x",)),), volume=(Volume("m", "/srv/m"),))}
    looked_at = SimpleNamespace(data={"RepoDigests": NAMES})
    monkeypatch.setattr(export, "_app_of", lambda _: (looked_at, there["app"]))
    monkeypatch.setattr(shared, "settings", shared.Settings())
    return there


def run(*words: str | Path) -> int:
    return main.run(["export", "kubernetes", "IMAGE", *map(str, words)])


def test_it_prints_objects_that_name_the_image_in_its_registry(capsys: pytest.CaptureFixture[str]):
    assert run("--domain", "b.example.com", "--replicas", "2") == 0
    printed = capsys.readouterr()
    assert f"image: registry.example.com/blog@{DIGEST}" in printed.out
    assert "localhost/" not in printed.out
    assert "replicas: 2" in printed.out
    assert "MAIL" in printed.err
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"][0]["kind"] == "PersistentVolumeClaim"


def test_what_is_wrong_is_said_with_the_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert run("--image", "blog:latest") == 1
    assert "podman image inspect" in capsys.readouterr().err
    assert run("--diff", tmp_path / "none") == 1
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "other.yaml").write_text("a: 1\n")
    assert run("--diff", tmp_path) == 1
    assert "other.yaml is not of an earlier export" in capsys.readouterr().err
    assert run("--diff", tmp_path, "--output", tmp_path) == 2


def test_a_second_export_keeps_secrets_and_overlay_and_removes_what_is_no_longer_there(
    image: dict[str, App], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    values, output = tmp_path / "values", tmp_path / "out"
    values.write_text("MAIL=word\n")
    assert run("--output", output, "--secrets-from", values) == 0
    assert values.read_text().startswith("MAIL=word\nKEY=")
    secret, overlay = output / "base/secret.yaml", output / "overlays/production/kustomization.yaml"
    assert secret.stat().st_mode & 0o777 == 0o600
    first = {path: path.read_bytes() for path in output.rglob("*.yaml")}
    overlay.write_text(overlay.read_text() + "# mine\n")
    assert run("--output", output) == 0
    first[overlay] += b"# mine\n"
    assert {path: path.read_bytes() for path in output.rglob("*.yaml")} == first
    capsys.readouterr()
    assert run("--diff", output) == 0
    assert "Nothing would change." in capsys.readouterr().out
    image["app"] = made()
    assert run("--diff", output) == 0
    assert "--- Deployment/blog-process-w" in capsys.readouterr().out
    assert run("--output", output) == 0
    assert not (output / "base/persistentvolumeclaim.yaml").exists()
    assert secret.read_bytes() == first[secret]


def test_a_name_that_is_added_needs_its_value_alone(
    image: dict[str, App], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    values, more, output = tmp_path / "values", tmp_path / "more", tmp_path / "out"
    values.write_text("MAIL=word\nKEY=of-the-sessions\n")
    assert run("--output", output, "--secrets-from", values) == 0
    image["app"] = made(env=Env(secrets=("MAIL", "SMS"), generated=("KEY",)))
    assert run("--output", output) == 1
    assert "no value for SMS" in capsys.readouterr().err
    more.write_text("SMS=1\n")
    assert run("--output", output, "--secrets-from", more) == 0
    assert more.read_text() == "SMS=1\n", "the key was generated again"
    assert b64encode(b"of-the-sessions").decode() in (output / "base/secret.yaml").read_text()


def test_no_value_of_a_secret_is_printed_unless_it_was_given(capsys: pytest.CaptureFixture[str]):
    assert run() == 0
    assert "\nkind: Secret" not in capsys.readouterr().out
