"""What is downloaded, and that another file's word on it is taken whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.image import pins
from tests.standin.s6_overlay.image import archives

SUM = "0123456789abcdef" * 4
TABLE = f"""
[s6-overlay]
version = "1.2"
url = "https://mirror.test/s6"
files = [{{ name = "s6-overlay-noarch.tar.xz", sha256 = "{SUM}" }}]
"""


@pytest.fixture
def replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(text: str) -> None:
        file = tmp_path / "pins.toml"
        file.write_text(text)
        monkeypatch.setenv("NUWA_PINS", str(file))

    monkeypatch.delenv("NUWA_PINS", raising=False)
    return write


def test_a_table_is_replaced_whole_and_the_others_stay(replace) -> None:
    before = pins.downloads("miniforge", "x86_64")
    replace(TABLE)
    assert pins.downloads("s6-overlay", "x86_64") == pins.Downloads(
        "1.2", "https://mirror.test/s6", (pins.Download("s6-overlay-noarch.tar.xz", SUM),)
    )
    assert pins.downloads("miniforge", "x86_64") == before
    assert list(pins.replaced()) == ["s6-overlay"]


def test_without_it_nothing_is_replaced(replace) -> None:
    assert pins.replaced() == {}
    assert pins.downloads("s6-overlay", "x86_64").url.startswith("https://github.com/")


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace(SUM, SUM[:-1]),
        TABLE.replace(f', sha256 = "{SUM}"', ""),
        TABLE.replace('url = "https://mirror.test/s6"', ""),
        TABLE.replace("s6-overlay]", "s6-underlay]"),
        TABLE.replace("s6-overlay]", "python]"),
        "source_date_epoch = 1",
    ],
)
def test_a_file_that_is_not_checked_is_refused(replace, text: str) -> None:
    replace(text)
    with pytest.raises(BuildError, match="NUWA_PINS"):
        pins.downloads("s6-overlay", "x86_64")


def test_a_file_that_cannot_be_read_is_named(replace, monkeypatch: pytest.MonkeyPatch) -> None:
    replace("[")
    with pytest.raises(BuildError, match=r"pins\.toml cannot be read"):
        pins.pins()
    monkeypatch.setenv("NUWA_PINS", "/nowhere")
    with pytest.raises(BuildError, match="/nowhere cannot be read"):
        pins.pins()


def test_the_runtime_tests_take_no_archive_of_s6_overlay_but_the_pinned_one(
    replace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s6-overlay-noarch.tar.xz").write_text("something else")
    monkeypatch.setenv("NUWA_DOWNLOADS", str(tmp_path))
    with pytest.raises(AssertionError, match="checksum"):
        archives(tmp_path)
