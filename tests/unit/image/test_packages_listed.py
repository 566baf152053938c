"""Which packages an image has, as its package manager lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.cli.inspect import package_data, package_rows
from nuwa.engine import Engine, Image
from nuwa.errors import NuwaError
from nuwa.image.packages import Package, installed, parsed
from nuwa.podman_probe import Podman

RPM = "bash\t5.1.8-9.el9\t7738634\ngpg-pubkey\t350d275d-6279464b\t0\nshadow-utils\t2:4.9-12.el9\t4084011\n"
DPKG = "bash\t5.2.37-2+b5\t7273\tinstalled\ncron\t3.0pl1-197\t270\tconfig-files\nxz\t5.8\t\tinstalled\n"


def image(family: str) -> Image:
    labels = {"io.nuwa.family": family} if family else {}
    return Image("abc", (), labels, 0, (), {})


def engine(folder: Path, output: str, code: int = 0) -> Engine:
    """A podman that keeps its words and prints what it is to print."""
    (folder / "output").write_text(output)
    podman = folder / "podman"
    podman.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{folder}/words\ncat {folder}/output\nexit {code}\n')
    podman.chmod(0o755)
    return Engine(Podman(str(podman), (4, 3, 1)))


def test_rpms_are_listed_by_size_without_keys() -> None:
    assert parsed(RPM, 1) == (
        Package("bash", "5.1.8-9.el9", 7738634),
        Package("shadow-utils", "2:4.9-12.el9", 4084011),
    )


def test_debian_says_sizes_in_kibibytes_and_removed_packages_are_none() -> None:
    assert parsed(DPKG, 1024) == (Package("bash", "5.2.37-2+b5", 7447552), Package("xz", "5.8", 0))


@pytest.mark.parametrize(
    ("family", "output", "program"), [("rockylinux9", RPM, "rpm"), ("debian13", DPKG, "dpkg-query")]
)
def test_the_images_own_tool_is_asked_without_a_network(
    tmp_path: Path, family: str, output: str, program: str
) -> None:
    assert installed(engine(tmp_path, output), image(family))[0].name == "bash"
    words = (tmp_path / "words").read_text().splitlines()
    assert {"--network=none", "--read-only", "--rm", f"--entrypoint={program}", "abc"} <= set(words)


def test_an_image_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NuwaError, match="no nuwa label"):
        installed(engine(tmp_path, ""), image(""))


def test_an_image_without_its_package_manager_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NuwaError, match="rpm of the image cannot list"):
        installed(engine(tmp_path, "executable file not found", 127), image("rockylinux9"))


def test_packages_are_shown_only_when_asked_for() -> None:
    listed = parsed(RPM, 1)
    assert package_rows(None) == []
    assert package_data(None) == {}
    assert package_rows(listed)[0] == "Packages: 2, 11.8 MB as installed"
    assert package_rows(listed)[1] == "      7.7 MB  bash 5.1.8-9.el9"
    assert package_data(listed)["packages"][0]["name"] == "bash"  # type: ignore[index]
