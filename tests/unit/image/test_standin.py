"""What the stand-in for Rocky Linux offers is what is known of Rocky Linux, and no more."""

from __future__ import annotations

import tomllib

import pytest

from nuwa.image.families import load
from tests.standin.rocky import contents
from unit.image.test_packages import EXCUSED, installed, known

NO_PACKAGE_OF_ROCKY = {"wkhtmltox"}


@pytest.mark.parametrize("release", contents.RELEASES)
def test_its_packages_are_the_known_ones_of_the_release_where_they_are_known(release: str) -> None:
    listed = known(release)
    for name, repository in contents.repositories(release).items():
        if not name.startswith("stand-in-") and (release, name) not in EXCUSED:
            assert repository in listed[name][0].split("|")
    assert installed(load("rockylinux").release(release)) <= set(contents.repositories(release))


def test_what_no_list_knows_is_excused_elsewhere() -> None:
    assert all((release, name) in EXCUSED for release, names in contents.UNLISTED.items() for name in names)


def test_content_is_written_for_packages_that_exist() -> None:
    described = tomllib.loads((contents.HERE / "packages.toml").read_text())
    names = {name for release in contents.RELEASES for name in contents.repositories(release)}
    own = {name for name in described if not name.startswith("stand-in-")} - NO_PACKAGE_OF_ROCKY
    assert own <= names


@pytest.mark.parametrize("release", contents.RELEASES)
def test_what_is_there_already_is_known_of_the_release(release: str) -> None:
    present = contents.PRESENT[""] + contents.PRESENT[release]
    assert set(present) <= set(contents.repositories(release))


@pytest.mark.parametrize("release", contents.RELEASES)
def test_nobody_takes_it_for_rocky_linux(release: str) -> None:
    files = {name: text.decode() for name, text in contents.release_files(release).items()}
    assert f'PRETTY_NAME="Stand-in for Rocky Linux {release}.' in files["os-release"]
    names = [line for line in files["rocky.repo"].splitlines() if line.startswith("name=")]
    assert len(names) == 4
    assert all(name.startswith("name=Stand-in for ") for name in names)
    assert "standin" in (contents.HERE / "root" / "make-repositories").read_text().partition("def main")[2]


def test_the_repository_that_is_switched_off_is_called_as_on_the_release() -> None:
    for release, name in (("8", "powertools"), ("9", "crb"), ("10", "crb")):
        text = contents.release_files(release)["rocky.repo"].decode()
        assert f"[{name}]" in text
        assert text.count("enabled=0") == 1
