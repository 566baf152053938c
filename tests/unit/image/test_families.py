"""What the families offer, as data."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from nuwa.errors import BuildError
from nuwa.image.families import load


def test_rocky_linux_offers_9_first_and_all_pythons_of_the_mission() -> None:
    family = load("rockylinux")
    assert family.releases == ("9", "10", "8")
    wanted = {"2.7", *(f"3.{minor}" for minor in range(6, 15))}
    assert all(set(family.pythons(release)) == wanted for release in family.releases)


def test_debian_offers_its_own_python_first() -> None:
    family = load("debian")
    assert family.releases == ("13", "12")
    assert family.pythons("13")[0] == "3.13"
    assert family.release("13").codename == "trixie"


@pytest.mark.parametrize(
    ("family", "release", "version", "provider"),
    [
        ("debian", "13", "3.13", "distribution"),
        ("debian", "13", "3.12", "uv"),
        ("debian", "12", "3.11", "distribution"),
        ("debian", "12", "3.13", "uv"),
        ("rockylinux", "9", "3.9", "distribution"),
        ("rockylinux", "10", "3.9", "uv"),
        ("rockylinux", "8", "2.7", "conda"),
    ],
)
def test_the_distribution_goes_before_downloads(
    family: str, release: str, version: str, provider: str
) -> None:
    assert load(family).release(release).python(version).provider == provider


def test_what_is_not_offered_is_refused_with_what_is() -> None:
    with pytest.raises(BuildError, match=r"3\.5 is not offered") as caught:
        load("debian").release("13").python("3.5")
    assert "3.13" in caught.value.hint
    with pytest.raises(BuildError, match="Debian 11 is not offered") as caught:
        load("debian").release("11")
    assert "13, 12" in caught.value.hint


def test_a_release_may_replace_packages_of_its_family() -> None:
    family = load("rockylinux")
    assert "zlib-devel" in family.release("9").packages["compilers"]
    assert "zlib-ng-compat-devel" in family.release("10").packages["compilers"]


def test_every_distribution_python_names_its_interpreter_and_headers() -> None:
    for name in ("debian", "rockylinux"):
        for release in load(name).all_releases:
            for python in release.pythons:
                if python.provider == "distribution":
                    assert python.executable == f"/usr/bin/python{python.version}"
                    assert python.packages
                    assert python.devel


@pytest.mark.parametrize(("name", "folder"), [("debian", "/usr/lib"), ("rockylinux", "/usr/lib64")])
def test_what_is_pruned_is_of_python_and_nothing_that_an_app_imports(name: str, folder: str) -> None:
    pruned = load(name).pruned
    assert all(pattern.startswith(f"{folder}/python3*/") for pattern in pruned)
    root = f"{folder}/python3.13"
    kept = (
        "os.py",
        "unittest/mock.py",
        "pydoc.py",
        "lib-dynload/_ssl.so",
        "pydoc_data/__init__.py",
        "turtle",
        "tests",
    )
    gone = (
        "test",
        "turtle.py",
        "pydoc_data/topics.py",
        "lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so",
    )
    for path, wanted in (*((path, False) for path in kept), *((path, True) for path in gone)):
        assert any(fnmatchcase(f"{root}/{path}", pattern) for pattern in pruned) == wanted, path
