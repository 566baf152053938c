"""Where a build gets Python packages from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nuwa.errors import BuildError
from nuwa.image import indexes


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any; returns its folder of configuration."""
    import os

    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(indexes, "_SHARED_PIP_FILES", ())
    monkeypatch.setattr(indexes, "_SHARED_UV_FILE", tmp_path / "none")
    return tmp_path / "config"


def found() -> dict[str, Any]:
    return tomllib.loads(indexes.find().toml)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_settings_uv_is_left_alone() -> None:
    assert found() == {}


def test_pips_indexes_count_like_in_pip(no_settings: Path) -> None:
    write(
        no_settings / "pip" / "pip.conf",
        "[global]\nindex-url = https://user:p%40ss@index.test/simple\nextra-index-url =\n  https://a.test\n  https://b.test\n"
        "[install]\ntrusted-host = a.test\n",
    )
    assert found() == {
        "index-url": "https://user:p%40ss@index.test/simple",
        "extra-index-url": ["https://a.test", "https://b.test"],
        "allow-insecure-host": ["a.test"],
        "index-strategy": "unsafe-best-match",
    }


def test_variables_go_before_files_and_uvs_before_pips(
    no_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(no_settings / "pip" / "pip.conf", "[global]\nindex-url = https://file.test\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.test")
    assert found() == {"index-url": "https://variable.test"}
    write(
        no_settings / "uv" / "uv.toml",
        '[[index]]\nurl = "https://uv.test"\ndefault = true\n[pip]\nsystem = true\n',
    )
    assert found() == {"index": [{"url": "https://uv.test", "default": True}]}
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uvvariable.test")
    assert found() == {"index-url": "https://uvvariable.test"}


def test_where_uv_gets_pythons_from_is_lent_beside_the_indexes(
    no_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(no_settings / "pip" / "pip.conf", "[global]\nindex-url = https://file.test\n")
    write(no_settings / "uv" / "uv.toml", 'python-install-mirror = "https://pythons.test"\n')
    assert found() == {"index-url": "https://file.test", "python-install-mirror": "https://pythons.test"}
    (tmp_path / "pythons").mkdir()
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", f"file://{tmp_path}/pythons")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", "https://list.test/downloads.json")
    assert found()["python-install-mirror"] == "file:///mnt/index-0/pythons"
    assert found()["python-downloads-json-url"] == "https://list.test/downloads.json"


def test_pip_can_be_told_to_read_nothing(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(no_settings / "pip" / "pip.conf", "[global]\nindex-url = https://file.test\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert found() == {}


def test_folders_of_this_machine_are_lent_and_called_by_their_place_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/mirror/simple https://a.test")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/wheels {tmp_path}/gone")
    made = indexes.find()
    assert tomllib.loads(made.toml)["extra-index-url"] == ["file:///mnt/index-0/simple", "https://a.test"]
    assert tomllib.loads(made.toml)["find-links"] == ["/mnt/index-1", f"{tmp_path}/gone"]
    assert made.folders == {"index-0": tmp_path / "mirror", "index-1": tmp_path / "wheels"}


@pytest.mark.parametrize(("place", "text"), [("pip/pip.conf", "index-url = x"), ("uv/uv.toml", "index = [")])
def test_settings_that_cannot_be_read_are_named(no_settings: Path, place: str, text: str) -> None:
    write(no_settings / place, text)
    with pytest.raises(BuildError, match="cannot read"):
        indexes.find()
