"""Builds that go wrong: one clear error, no image, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Project, leavings, project
from running import wait_until

from nuwa.engine import Engine
from nuwa.errors import BuildError, BusyError
from nuwa.image import build_layer
from nuwa.lock import only_one

NUWA = Path(sys.executable).with_name("nuwa")
SLEEP = "271828"
"""Seconds, and so the mark of a process."""


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[Project]:
    with project(engine, tmp_path / "shop", "failing") as made:
        yield made


def failure(shop: Project) -> BuildError:
    with pytest.raises(BuildError) as caught:
        shop.build()
    assert shop.image() is None
    assert leavings(shop.engine, shop, os.getpid()) == []
    return caught.value


def test_requirements_that_do_not_resolve(shop: Project) -> None:
    shop.write("requirements.txt", "six==99.1\n")
    error = failure(shop)
    assert error.message == "requirements: install Python packages failed"
    assert "there is no version of six==99.1" in error.details
    assert error.hint


def test_a_package_that_the_distribution_does_not_have(shop: Project) -> None:
    shop.replace("nuwa.toml", 'family = "debian"', 'family = "debian"\npackages = ["nuwa-no-such-package"]')
    error = failure(shop)
    assert error.message == "packages: install packages failed"
    assert "Unable to locate package nuwa-no-such-package" in error.details


@pytest.mark.parametrize(
    ("module", "words", "hint"),
    [
        (
            "import nuwa_no_such_module\n",
            "ModuleNotFoundError: No module named 'nuwa_no_such_module'",
            "image.requirements",
        ),
        ("application = 3\n", "shop:application is a int, which no server can call", "NUWA_BUILD"),
        ("def application(:\n", "SyntaxError", "NUWA_BUILD"),
    ],
)
def test_an_app_that_cannot_be_imported(shop: Project, module: str, words: str, hint: str) -> None:
    shop.write("shop.py", module)
    error = failure(shop)
    assert error.message == "app: import shop:application failed"
    assert words in error.details
    assert "STEP" not in error.details
    assert hint in error.hint


def test_static_files_that_cannot_be_collected(shop: Project) -> None:
    shop.replace("nuwa.toml", "cp -r assets/. static/", "echo no space for these >&2; exit 3")
    error = failure(shop)
    assert error.message == "app: collect static files failed"
    assert "no space for these" in error.details


def test_a_check_that_fails(shop: Project) -> None:
    shop.replace("nuwa.toml", 'checks = ["test -r', 'checks = ["test -d')
    assert failure(shop).message == "app: check: test -d /srv/app/static/site.css failed"


def test_a_failure_leaves_the_image_before_it_in_its_place(shop: Project) -> None:
    before = shop.build().id
    shop.write("shop.py", "import nuwa_no_such_module\n")
    with pytest.raises(BuildError):
        shop.build()
    image = shop.image()
    assert image is not None
    assert image.id == before


def test_no_space_is_seen_before_anything_is_built(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_layer, "MIN_FREE_BYTES", 10**18)
    error = failure(shop)
    assert "MiB are free in" in error.message
    assert "podman image ls" in error.hint


def test_a_second_build_of_the_same_app_is_refused(shop: Project) -> None:
    with only_one(f"build-{shop.app.name}", "held by this test"), pytest.raises(BusyError) as caught:
        shop.build()
    assert f"process {os.getpid()}" in caught.value.message


def test_a_registry_that_does_not_answer(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every registry is a closed port of this machine."""
    settings = shop.folder / "registries.conf"
    shop.write(
        "registries.conf", '[[registry]]\nprefix = "docker.io"\nlocation = "127.0.0.1:9"\ninsecure = true\n'
    )
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    shop.replace("nuwa.toml", 'family = "debian"', 'family = "rockylinux"\nrelease = "8"')
    error = failure(shop)
    assert error.message == "docker.io/rockylinux/rockylinux:8 cannot be pulled"
    assert "connection refused" in error.details
    assert "nuwa build --family debian" in error.hint


def test_too_old_a_podman_is_named_with_the_version_that_is_needed(shop: Project) -> None:
    shop.write("bin/podman", "#!/bin/sh\necho podman version 4.2.1\n")
    (shop.folder / "bin" / "podman").chmod(0o755)
    path = f"{shop.folder}/bin:{os.environ['PATH']}"
    ended = subprocess.run(
        [NUWA, "build"], cwd=shop.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert ended.returncode == 4
    assert "podman 4.2.1" in ended.stderr
    assert "4.3 or newer" in ended.stderr


@pytest.fixture
def slow(shop: Project) -> Iterator[subprocess.Popen[str]]:
    """A build in a process of its own, in the middle of a step that does not end."""
    shop.replace("nuwa.toml", "cp -r assets/. static/", f"sleep {SLEEP}")
    with subprocess.Popen(
        [NUWA, "build"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        try:
            wait_until(sleepers, "the step begins", patience=300)
            yield started
        finally:
            started.kill()


def sleepers() -> list[int]:
    """Processes of the step that does not end."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes() == f"sleep\0{SLEEP}\0".encode():
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_leaves_nothing(
    shop: Project, slow: subprocess.Popen[str], sign: signal.Signals, code: int
) -> None:
    slow.send_signal(sign)
    output, _ = slow.communicate(timeout=60)
    assert slow.returncode == code
    assert "Traceback" not in output
    assert shop.image() is None
    assert leavings(shop.engine, shop, slow.pid) == []
    assert sleepers() == []


def test_the_next_build_sweeps_after_one_that_was_killed(shop: Project, slow: subprocess.Popen[str]) -> None:
    slow.kill()
    slow.communicate(timeout=60)
    assert leavings(shop.engine, shop, slow.pid) != []
    shop.replace("nuwa.toml", f"sleep {SLEEP}", "true")
    shop.replace("nuwa.toml", "test -r /srv/app/static/site.css", "true")
    shop.build()
    wait_until(lambda: not leavings(shop.engine, shop, slow.pid), "podman ends the killed build")
    assert sleepers() == []
