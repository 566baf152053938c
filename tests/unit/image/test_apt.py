"""Where a build gets Debian's packages from."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.image import apt

MACHINE = """\
http://mirror.test/debian/\tbookworm\tmain\tDebian
http://mirror.test/debian/\tbookworm\tcontrib\tDebian
http://mirror.test/debian/\tbookworm-updates\tmain\tDebian
http://security.test/debian-security/\tbookworm-security\tmain\tDebian
https://tools.test/apt/\tbookworm\tmain\tSome Company
https://node.test/\tnodistro\tmain\t. nodistro
"""


def test_the_machines_archive_is_used_with_the_images_release() -> None:
    assert apt.from_targets(MACHINE, "trixie") == [
        "deb http://mirror.test/debian trixie main",
        "deb http://mirror.test/debian trixie-updates main",
        "deb http://security.test/debian-security trixie-security main",
    ]


def test_before_the_first_update_the_names_of_suites_have_to_do() -> None:
    fresh = "http://mirror.test/debian/\tstable\tmain\t\nhttps://node.test/\tnodistro\tmain\t\n"
    assert apt.from_targets(fresh, "trixie") == ["deb http://mirror.test/debian trixie main"]


@pytest.mark.parametrize("listed", ["", "http://u.test/ubuntu/\tnoble\tmain\tUbuntu\n", "garbage\n"])
def test_a_machine_without_debian_has_no_sources(listed: str) -> None:
    assert apt.from_targets(listed, "trixie") == []


def test_a_chosen_mirror_goes_before_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUWA_APT_MIRROR", "http://own.test/debian/")
    assert apt.sources("trixie") == [
        "deb http://own.test/debian trixie main",
        "deb http://own.test/debian trixie-updates main",
        "deb http://own.test/debian-security trixie-security main",
    ]


def test_whole_lines_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUWA_APT_MIRROR", "deb [trusted=yes] http://a.test x main\ndeb http://b.test y main")
    assert apt.sources("trixie") == ["deb [trusted=yes] http://a.test x main", "deb http://b.test y main"]


def test_proxies_and_checks_of_the_machine_are_kept_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "apt-config"
    config.write_text(
        "#!/bin/sh\ncat <<'END'\n"
        'Acquire::http::Proxy "http://proxy.test:3128";\n'
        'Acquire::https::CAInfo "/etc/machine.crt";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::http "";\n'
        'DPkg::Post-Invoke:: "touch /tmp/x";\n'
        "END\n"
    )
    config.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert apt.options() == (
        'Acquire::http::Proxy "http://proxy.test:3128";\nAcquire::Check-Valid-Until "false";\n'
    )
