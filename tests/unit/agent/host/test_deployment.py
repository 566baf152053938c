"""A deployment's folder, whole or broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nuwa.agent.host.deployment import MAX_RECORD_CHARS, find


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_a_deployment_names_its_one_off_commands_and_a_broken_list_is_none(tmp_path: Path) -> None:
    text = "readonly NUWA_APP=shop\n"
    text += "readonly NUWA_COMMANDS=('import\tno\tReads the day'\"'\"'s data.' 'mail\tyes\t')\n"
    write(tmp_path, {"bin/lib/app": text})
    found = find(tmp_path)
    assert found.commands == {"import": "Reads the day's data.", "mail": ""}
    assert found.once_units == ("nuwa-shop_once-import.service", "nuwa-shop_once-mail.service")
    write(tmp_path, {"bin/lib/app": "readonly NUWA_COMMANDS=('import)\n"})
    assert find(tmp_path).commands == {}


def test_a_deployments_folder_tells_about_it_and_a_broken_one_breaks_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "bin/lib/app": "readonly NUWA_APP=shop\nreadonly NUWA_BACKUP='ssh://x/y'\n",
            "volumes/.nuwa/slot": "green\n",
            "volumes/.nuwa/port.green": "8123\n",
            "volumes/.nuwa/release.green": "sha256:" + "ab" * 32,
            "volumes/.nuwa/domains": "example.org\nwww.example.org\n",
            "volumes/.nuwa/archives.tsv": "2026-11-20T10:00:00Z\told\tok\n"
            "2026-11-21T10:00:00Z\tnew\tno space\ntorn",
        },
    )
    found = find(tmp_path)
    assert (found.app, found.slot, found.ports, found.release) == ("shop", "green", (8123,), "ab" * 6)
    assert found.domains == ["example.org", "www.example.org"]
    assert found.unit == "nuwa-shop-green.service"
    assert found.has_backup
    assert found.last_archive
    assert (found.last_archive.what, found.last_archive.ok) == ("new", False)
    assert find(tmp_path / "nothing").app == ""
    (tmp_path / "bin/lib/app").rename(tmp_path / "bin/_app")
    assert find(tmp_path).app == "shop", "as earlier releases have it"
    (tmp_path / "bin/_app").write_text("readonly NUWA_APP='../x; rm -rf /'\n")
    assert find(tmp_path).app == ""


def test_replicas_have_units_and_ports_of_their_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "bin/lib/app": "readonly NUWA_APP=shop\nreadonly NUWA_REPLICAS=2\n",
            "volumes/.nuwa/slot": "green\n",
            "volumes/.nuwa/port.green": "8123\n",
            "volumes/.nuwa/port.green_2": "8124\n",
        },
    )
    found = find(tmp_path)
    assert found.serving_units == ("nuwa-shop-green.service", "nuwa-shop-green_2.service")
    assert found.ports == (8123, 8124)
    (tmp_path / "bin/lib/app").write_text("readonly NUWA_APP=shop\nreadonly NUWA_REPLICAS=x\n")
    assert find(tmp_path).serving_units == ("nuwa-shop-green.service",)


@pytest.mark.timeout(30)
def test_what_is_there_in_place_of_a_file_holds_nobody_up_and_shows_no_file_of_others(tmp_path: Path) -> None:
    write(
        tmp_path, {"bin/lib/app": "readonly NUWA_APP=shop\n", "volumes/.nuwa/slot": "green", "secret": "key"}
    )
    for name in ("port.green", "releases.tsv"):
        os.mkfifo(tmp_path / "volumes/.nuwa" / name)
    (tmp_path / "volumes/.nuwa/domains").symlink_to(tmp_path / "secret")
    (tmp_path / "volumes/.nuwa/archives.tsv").symlink_to("/dev/zero")
    found = find(tmp_path)
    assert (found.slot, found.ports, found.releases, found.domains) == ("green", (), [], [])
    assert found.last_archive is None
    (tmp_path / "bin/lib/app").unlink()
    (tmp_path / "bin/lib/app").symlink_to("/dev/zero")
    assert find(tmp_path).app == ""


@pytest.mark.parametrize("port", ["²", "٣", "-1", "1" * 4000, "80 81", "x"])
def test_a_port_that_is_none_is_left_out(tmp_path: Path, port: str) -> None:
    write(tmp_path, {"bin/lib/app": "readonly NUWA_APP=shop\n", "volumes/.nuwa/port.blue": port})
    assert find(tmp_path).ports == ()


def test_a_record_without_a_time_is_left_out_and_a_long_one_is_cut(tmp_path: Path) -> None:
    lines = ["0001-01-01T00:00:00\told\tok", "soon\tx\tok", f"2026-11-21T10:00:00Z\tnew\t{'x' * 5000}"]
    write(tmp_path, {"volumes/.nuwa/archives.tsv": "\n".join(lines)})
    last = find(tmp_path).last_archive
    assert last
    assert (last.what, last.outcome) == ("new", "x" * MAX_RECORD_CHARS)


def test_a_site_may_have_hundreds_of_domains(tmp_path: Path) -> None:
    domains = [f"shop-{number}.example.com" for number in range(400)]
    write(tmp_path, {"bin/lib/app": "readonly NUWA_APP=shop\n", "volumes/.nuwa/domains": "\n".join(domains)})
    assert find(tmp_path).domains == domains
