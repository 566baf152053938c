"""npm's settings of this machine reach a build; what is about this machine's folders does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.image import build_inputs, node_registries
from nuwa.image.families import load

HOME = """\
; the company's
registry=https://user:pass@npm.example.com/
@own:registry = "https://own.example.com/"
//own.example.com/:_authToken=${OWN_TOKEN}
cafile=/etc/here.crt
prefix=/home/me/.npm
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(node_registries.os.environ):
        if name.lower().startswith("npm_config_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(node_registries, "_SHARED", (tmp_path / "shared",))
    return tmp_path


def test_the_users_settings_replace_the_machines_and_variables_both(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "shared").write_text("registry=https://shared.example.com/\nstrict-ssl=false\n")
    (home / ".npmrc").write_text(HOME)
    monkeypatch.setenv("OWN_TOKEN", "geheim")
    monkeypatch.setenv("npm_config_https_proxy", "http://proxy:1")
    assert node_registries.find("/mnt/ca.crt").npmrc.splitlines() == [
        "registry=https://user:pass@npm.example.com/",
        "strict-ssl=false",
        "@own:registry=https://own.example.com/",
        "//own.example.com/:_authToken=geheim",
        "https-proxy=http://proxy:1",
        "cafile=/mnt/ca.crt",
    ]
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://other.example.com/")
    assert "registry=https://other.example.com/" in node_registries.find().npmrc.splitlines()


def test_the_newer_yarn_gets_its_own_file_or_npms_registry(home: Path) -> None:
    assert node_registries.find().yarnrc == ""
    (home / ".npmrc").write_text("registry=https://npm.example.com/\n")
    found = node_registries.find("/mnt/ca.crt").yarnrc
    assert found == 'npmRegistryServer: "https://npm.example.com/"\nhttpsCaFilePath: "/mnt/ca.crt"\n'
    (home / ".yarnrc.yml").write_text("npmRegistryServer: https://yarn.example.com\n")
    assert node_registries.find().yarnrc == "npmRegistryServer: https://yarn.example.com\n"


def test_a_machine_without_settings_uses_the_public_registry() -> None:
    assert node_registries.find() == node_registries.Registries("", "")


def test_passwords_are_in_files_and_never_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".npmrc").write_text(HOME)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    debian = load("debian")
    lent = home / "mnt"
    lent.mkdir()
    words = build_inputs.lay_out(lent, debian, debian.release("13"), {}, {"NODE_CACHE"})
    assert "pass" in (lent / "npmrc").read_text()
    assert "pass" not in " ".join(words).replace(str(home), "")
    assert "NODE_CACHE=/mnt/node" in words
