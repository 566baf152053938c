"""Whether this machine runs programs of another processor in containers, and what to do where it does not."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from nuwa import architecture
from nuwa.errors import BuildError
from nuwa.image import emulation

ARM64 = """{state}
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
PYTHON = """enabled
interpreter /usr/bin/python3.13
flags:
offset 0
magic f30d0d0a
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an amd64 machine's kernel shows of binfmt_misc, with an entry that is not an emulator's."""
    monkeypatch.setattr(architecture, "here", lambda: "amd64")
    folder = tmp_path / "binfmt_misc"
    folder.mkdir()
    (folder / "status").write_text("enabled\n")
    (folder / "python3.13").write_text(PYTHON)
    return folder


def refused(kernel: Path, wanted: str = "arm64") -> BuildError:
    with pytest.raises(BuildError) as caught:
        emulation.check(wanted, kernel)
    return caught.value


def on(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: fields)


def test_an_emulator_is_found_by_what_it_takes_whatever_it_is_called(kernel: Path) -> None:
    (kernel / "rosetta").write_text(ARM64.format(state="enabled", flags="POF"))
    emulation.check("arm64", kernel)


def test_without_an_emulator_the_error_names_both_processors(kernel: Path) -> None:
    error = refused(kernel)
    assert error.message == (
        "this machine is amd64 and cannot run programs for arm64: no emulator is registered"
    )
    (kernel / "qemu-aarch64").write_text(ARM64.format(state="disabled", flags="POF"))
    assert refused(kernel).message == error.message
    (kernel / "qemu-aarch64").write_text(ARM64.format(state="enabled", flags="POF"))
    assert refused(kernel, "amd64").message.endswith("no emulator is registered")


def test_an_emulator_that_containers_do_not_see_is_not_enough(kernel: Path) -> None:
    (kernel / "qemu-aarch64").write_text(ARM64.format(state="enabled", flags="OC"))
    assert "without the flag F" in refused(kernel).message


def test_where_the_kernel_shows_nothing_the_error_says_how_to_mount_it(kernel: Path) -> None:
    (kernel / "status").unlink()
    error = refused(kernel)
    assert "binfmt_misc is not mounted" in error.message
    assert f"mount -t binfmt_misc binfmt_misc {kernel}" in error.hint


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "apt-get install arch-test qemu-user-static"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get install arch-test qemu-user-static"),
        ({"ID": "fedora"}, "dnf install qemu-user-static"),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, "zypper install qemu-linux-user"),
        ({"ID": "arch"}, "pacman -S qemu-user-static qemu-user-static-binfmt"),
    ],
)
def test_the_remedy_is_the_command_of_this_machines_distribution(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, release: dict[str, str], command: str
) -> None:
    on(monkeypatch, **release)
    hint = refused(kernel).hint
    assert f"As root: {command} && systemctl restart systemd-binfmt" in hint
    assert "nuwa deploy --build-on HOST TARGET" in hint


def test_a_distribution_without_such_a_package_is_told_no_command(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, ID="rocky", ID_LIKE="rhel centos fedora")
    assert "As root" not in refused(kernel).hint
    assert "static user emulation" in refused(kernel).hint
