from pathlib import Path

import pytest

from nuwa.lab import image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "init").write_text("#!/bin/sh\n")
    (tmp_path / "Containerfile").write_text("FROM scratch\n")
    return tmp_path


def test_the_fingerprint_stays_while_nothing_changes(folder: Path) -> None:
    assert image.fingerprint(folder) == image.fingerprint(folder)


@pytest.mark.parametrize("change", ["content", "mode", "name", "new"])
def test_the_fingerprint_follows_every_change_that_reaches_the_image(folder: Path, change: str) -> None:
    before = image.fingerprint(folder)
    init = folder / "rootfs" / "init"
    match change:
        case "content":
            init.write_text("#!/bin/bash\n")
        case "mode":
            init.chmod(0o755)
        case "name":
            init.rename(folder / "rootfs" / "start")
        case _:
            (folder / "rootfs" / "other").touch()
    assert image.fingerprint(folder) != before


def test_no_mirror_is_an_error_that_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image.apt, "sources", lambda codename: [])
    with pytest.raises(image.LabError, match="NUWA_APT_MIRROR"):
        image._packages_by_mount(tmp_path)


def test_the_mirror_is_mounted_and_not_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(image.apt, "sources", lambda codename: [f"deb http://mirror.test/d {codename} main"])
    monkeypatch.setattr(image.apt, "options", lambda: 'Acquire::Retries "3";\n')
    options = image._packages_by_mount(tmp_path)
    assert options == [
        f"--volume={tmp_path}/sources.list:/etc/apt/sources.list:ro",
        f"--volume={tmp_path}/apt.conf:/etc/apt/apt.conf:ro",
    ]
    assert (tmp_path / "sources.list").read_text() == "deb http://mirror.test/d trixie main\n"
