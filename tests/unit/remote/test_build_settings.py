from pathlib import Path

import pytest

from nuwa.image import indexes, pins
from nuwa.manifest.image import Build, Node
from nuwa.manifest.model import App, AppSection, Server
from nuwa.remote import build_settings

APP = App(AppSection("blog"), Server("blog:app"))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in indexes.VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_variables_that_say_where_packages_come_from_go_along_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_INDEX", "https://me:token@pypi.example.com/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example.com/simple")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never")
    (sent,) = build_settings.files(APP, tmp_path).values()
    pairs = dict(pair.split("=", 1) for pair in sent.decode().split("\0") if pair)
    assert pairs["UV_INDEX"] == "https://me:token@pypi.example.com/simple"
    assert pairs["PIP_INDEX_URL"] == "https://other.example.com/simple"
    assert "AWS_SECRET_ACCESS_KEY" not in pairs


def test_a_token_that_the_frontends_settings_refer_to_goes_along(tmp_path, monkeypatch):
    monkeypatch.setenv("NPM_TOKEN", "secret")
    monkeypatch.setenv("npm_config_registry", "https://npm.example.com/")
    (tmp_path / ".npmrc").write_text("//npm.example.com/:_authToken=${NPM_TOKEN}\n")
    without = build_settings.files(APP, tmp_path)["environment"]
    with_node = App(AppSection("blog"), Server("blog:app"), build=Build(node=Node(output=("dist",))))
    sent = build_settings.files(with_node, tmp_path)["environment"]
    assert b"NPM_TOKEN=secret\0" in sent
    assert b"npm_config_registry=https://npm.example.com/\0" in sent
    assert b"NPM_TOKEN" not in without


def test_the_file_of_pins_goes_along(tmp_path, monkeypatch):
    given = tmp_path / "own.toml"
    table = pins.pins()["miniforge"]
    files = ", ".join(f'{{name = "{file["name"]}", sha256 = "{file["sha256"]}"}}' for file in table["files"])
    given.write_text(
        f'[miniforge]\nversion = "{table["version"]}"\nurl = "{table["url"]}"\nfiles = [{files}]\n'
    )
    monkeypatch.setenv(pins.REPLACED_BY, str(given))
    assert build_settings.files(APP, tmp_path)["pins.toml"] == given.read_bytes()


@pytest.mark.parametrize("value", ["/srv/wheels", "file:///srv/wheels", "https://a.example /srv/wheels"])
def test_a_variable_that_names_a_folder_of_this_machine_stays_and_is_named(
    tmp_path: Path, monkeypatch, value: str
):
    monkeypatch.setenv("UV_FIND_LINKS", value)
    assert build_settings.staying(APP, tmp_path) == ["UV_FIND_LINKS"]
    assert b"UV_FIND_LINKS" not in build_settings.files(APP, tmp_path)["environment"]
