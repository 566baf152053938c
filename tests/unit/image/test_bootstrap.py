"""How a bare Debian is made, without making one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.errors import BuildError
from nuwa.image import bootstrap
from nuwa.names import Platform
from nuwa.podman_probe import Podman


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Of a machine that has no image."""
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\necho '[]'\necho 'image not known' >&2\nexit 125\n")
    podman.chmod(0o755)
    return Engine(Podman(str(podman), (4, 3, 1)))


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_without_mmdebstrap_the_error_says_how_to_get_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="mmdebstrap is not installed") as caught:
        bootstrap.ensure(engine, Platform("debian", "13"), Quiet())
    assert caught.value.hint == "apt-get install mmdebstrap"


def test_without_an_archive_the_error_names_the_setting(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NUWA_APT_MIRROR", raising=False)
    with pytest.raises(BuildError, match="no Debian package mirror") as caught:
        bootstrap.ensure(engine, Platform("debian", "13"), Quiet())
    assert "NUWA_APT_MIRROR" in caught.value.hint


def test_rocky_linux_is_not_made_here(engine: Engine) -> None:
    with pytest.raises(BuildError, match="cannot be made from packages") as caught:
        bootstrap.ensure(engine, Platform("rockylinux", "9"), Quiet())
    assert "--family debian" in caught.value.hint
