"""Every package that a Rocky Linux image installs exists, as far as is known of its repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.image import pins
from nuwa.image.families import Release, load

DATA = Path(__file__).parents[2] / "data"

EXCUSED = {
    ("8", "jemalloc"): "EPEL 8 has it, by memory; the snapshots hold nothing of EPEL 8",
    ("8", "libXrender"): "seen installed on EL 8 hosts; wkhtmltopdf's own rpm requires it",
    ("8", "xorg-x11-fonts-75dpi"): "required by wkhtmltopdf's own rpm for EL 8",
    ("8", "xorg-x11-fonts-Type1"): "seen installed on EL 8 hosts; required by wkhtmltopdf's own rpm",
    ("9", "xorg-x11-fonts-Type1"): "seen installed on EL 9 hosts; required by wkhtmltopdf's own rpm",
    ("9", "jemalloc"): "EPEL, which every image enables",
    ("10", "jemalloc"): "EPEL, which every image enables",
    ("10", "python3.13"): "EPEL, which every image enables",
    ("10", "python3.13-devel"): "EPEL, which every image enables",
}
"""Names that no repository of the distribution is known to have, with the reason to install them."""


def known(release: str) -> dict[str, tuple[str, str]]:
    """Repository and grade by name."""
    lines = (DATA / f"packages-el{release}.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {row[0]: (row[1], row[3]) for row in rows}


def installed(release: Release) -> set[str]:
    names = {name for group in release.packages.values() for name in group}
    for python in release.pythons:
        names |= {*python.packages, *python.devel, *python.mod_wsgi}
    if pins.downloads("wkhtmltopdf", "x86_64", release.name).files:
        names |= set(load("rockylinux").wkhtmltopdf)
    return names


@pytest.mark.parametrize("release", load("rockylinux").all_releases, ids=lambda release: release.name)
def test_each_package_is_known_or_excused(release: Release) -> None:
    rows = known(release.name)
    for name in sorted(installed(release)):
        repository, grade = rows.get(name, ("", "unknown"))
        sound = grade in ("A", "B") and repository != "EPEL"
        excused = (release.name, name) in EXCUSED
        assert sound != excused, f"{name} on {release.name}: {repository} {grade}, excused: {excused}"


def test_nothing_is_excused_that_nobody_installs() -> None:
    releases = {release.name: installed(release) for release in load("rockylinux").all_releases}
    assert all(name in releases[release] for release, name in EXCUSED)


@pytest.mark.parametrize(
    ("release", "gone"), [("10", "zlib-devel"), ("10", "pcre-devel"), ("10", "curl-minimal")]
)
def test_names_that_a_release_dropped_are_not_used(release: str, gone: str) -> None:
    assert gone not in installed(load("rockylinux").release(release))


def test_there_is_no_wkhtmltopdf_for_el_10() -> None:
    assert pins.downloads("wkhtmltopdf", "x86_64", "9").files
    assert not pins.downloads("wkhtmltopdf", "x86_64", "10").files
