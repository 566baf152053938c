"""What is lent to a build, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.errors import BuildError
from nuwa.image import build_inputs
from nuwa.image.families import load
from nuwa.process import run

DEBIAN = load("debian")
TRIXIE = DEBIAN.release("13")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("the authorities of this machine")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NUWA_APT_MIRROR", "http://mirror.test/debian")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://user:secret@index.test/simple")
    monkeypatch.delenv("NUWA_DOWNLOADS", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mnt"
    made.mkdir()
    return made


def values(words: list[str], option: str) -> list[str]:
    return [value for name, value in zip(words[::2], words[1::2], strict=True) if name == option]


def test_addresses_and_passwords_are_in_files_and_never_in_words(folder: Path) -> None:
    words = build_inputs.lay_out(folder, DEBIAN, TRIXIE, {})
    assert not any("test" in word and str(folder.parent) not in word for word in words)
    assert "secret@index.test" in (folder / "uv.toml").read_text()
    assert "deb http://mirror.test/debian trixie main" in (folder / "sources.list").read_text()
    assert (folder / "ca.crt").read_text() == "the authorities of this machine"
    assert all("=/mnt/" in value for value in values(words, "--build-arg"))


def test_only_what_is_declared_is_lent(folder: Path) -> None:
    words = build_inputs.lay_out(folder, DEBIAN, TRIXIE, {}, {"SSL_CERT_FILE"})
    assert values(words, "--volume") == [f"{folder}:/mnt:ro"]
    assert values(words, "--build-arg") == ["SSL_CERT_FILE=/mnt/ca.crt"]
    assert not (folder / "uv.toml").exists()
    assert not (folder / "apt.conf").exists()


def test_uv_is_mounted_and_not_copied(folder: Path) -> None:
    words = build_inputs.lay_out(folder, DEBIAN, TRIXIE, {}, {"UV_CONFIG_FILE", "UV_CACHE_DIR"})
    mounts = values(words, "--volume")
    assert any(mount.endswith(":/mnt/uv:ro") for mount in mounts)
    assert (folder / "uv").stat().st_size == 0
    assert any(mount.endswith(":/mnt/cache:rw") for mount in mounts)


def test_apts_lists_and_packages_stay_on_this_machine(folder: Path) -> None:
    mounts = values(build_inputs.lay_out(folder, DEBIAN, TRIXIE, {}, {"APT_CONFIG"}), "--volume")
    assert [mount.split(":")[1] for mount in mounts[1:]] == ["/var/lib/apt/lists", "/var/cache/apt/archives"]


def test_rocky_linux_borrows_nothing_of_apt_and_debian_nothing_of_dnf(folder: Path, tmp_path: Path) -> None:
    rocky = load("rockylinux")
    words = build_inputs.lay_out(folder, rocky, rocky.release("9"), {}, {"APT_CONFIG", "SSL_CERT_FILE"})
    assert "APT_CONFIG" not in "".join(words)
    other = tmp_path / "other"
    other.mkdir()
    assert "dnf" not in "".join(
        build_inputs.lay_out(other, DEBIAN, TRIXIE, {}, {"DNF_CACHE", "SSL_CERT_FILE"})
    )


def test_dnfs_metadata_and_packages_stay_on_this_machine_for_each_release(
    folder: Path, tmp_path: Path
) -> None:
    rocky = load("rockylinux")
    words = build_inputs.lay_out(folder, rocky, rocky.release("9"), {}, {"DNF_CACHE"})
    assert values(words, "--build-arg") == ["DNF_CACHE=/mnt/dnf"]
    cache = tmp_path / "cache" / "nuwa" / "downloads" / "rockylinux9-dnf"
    assert values(words, "--volume")[1] == f"{cache}:/mnt/dnf:rw"
    other = tmp_path / "other"
    other.mkdir()
    assert not any(str(cache) in word for word in build_inputs.lay_out(other, rocky, rocky.release("8"), {}))


def test_the_lock_of_a_dnf_that_was_killed_is_gone(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "nuwa" / "downloads" / "rockylinux9-dnf"
    (cache / "baseos-1").mkdir(parents=True)
    (cache / "metadata_lock.pid").write_text("1")
    (cache / "baseos.solv").write_text("kept")
    rocky = load("rockylinux")
    build_inputs.lay_out(folder, rocky, rocky.release("9"), {}, {"DNF_CACHE"})
    assert sorted(path.name for path in cache.iterdir()) == ["baseos-1", "baseos.solv"]


def test_files_that_a_layer_lends_lie_where_it_says(folder: Path) -> None:
    build_inputs.lay_out(folder, DEBIAN, TRIXIE, {"requirements/a/b.txt": b"six"}, ())
    assert (folder / "requirements/a/b.txt").read_bytes() == b"six"


def test_downloads_may_come_from_another_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUWA_DOWNLOADS", "https://mirror.test/files/")
    words = build_inputs.lay_out(folder, DEBIAN, TRIXIE, {}, {"NUWA_DOWNLOADS"})
    assert values(words, "--build-arg") == ["NUWA_DOWNLOADS=https://mirror.test/files"]
    monkeypatch.setenv("NUWA_DOWNLOADS", str(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    words = build_inputs.lay_out(other, DEBIAN, TRIXIE, {}, {"NUWA_DOWNLOADS"})
    assert f"{tmp_path}:/mnt/downloads:ro" in values(words, "--volume")


def test_the_tools_can_be_run_by_the_app(folder: Path) -> None:
    build_inputs.lay_out(folder, DEBIAN, TRIXIE, {}, ())
    assert all(tool.stat().st_mode & 0o555 == 0o555 for tool in (folder / "tools").iterdir())


def test_variables_that_requirements_name_reach_a_build_as_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_TOKEN", "it's $HOME")
    made = build_inputs.environment(["PIP_TOKEN"])[build_inputs.ENVIRONMENT]
    (tmp_path / "environment").write_bytes(made)
    shown = run(["sh", "-c", 'set -a; . ./environment; printf %s "$PIP_TOKEN"'], cwd=tmp_path)
    assert shown.stdout == "it's $HOME"


def test_a_variable_that_is_not_set_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_TOKEN", raising=False)
    with pytest.raises(BuildError, match="PIP_TOKEN") as caught:
        build_inputs.environment(["PIP_TOKEN"])
    assert "PIP_TOKEN=…" in caught.value.hint
    assert build_inputs.environment([]) == {}
