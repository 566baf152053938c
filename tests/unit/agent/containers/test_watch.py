"""Containers while somebody watches, with a podman that does what it likes."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nuwa.agent import inventory
from nuwa.agent.containers import watch
from nuwa.agent.containers.watch import Containers
from nuwa.agent.inventory import Inventory
from nuwa.errors import NuwaError

ONE = '{"containers": [{"name": "nuwa-shop-blue", "id": "a", "status": "running", "health": "healthy"}]}'
PODMAN = """#!/bin/bash
case $1 in
  ps) echo aa; echo bb ;;
  inspect)
    if [[ $2 == --type=container ]]; then
      echo '[{"Id": "aa", "Name": "nuwa-shop-blue", "Image": "i1",'
      echo '"Config": {"Labels": {"io.nuwa.app": "shop"}},'
      echo '"State": {"Status": "running", "Health": {"Status": "unhealthy"}}},'
      echo '{"Id": "bb", "Name": "of-another"}]'
      echo 'Error: no such container cc' >&2
      exit 125
    fi
    echo '[{"Id": "i1", "Size": 7}]' ;;
  system) SERVICE ;;
esac
"""


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman that answers commands; its service ends at once unless a test wants another."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write(folder / "podman", "exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "podman"


def write(path: Path, service: str) -> None:
    path.write_text(PODMAN.replace("SERVICE", service))
    path.chmod(0o755)


def followed(folder: Path, monkeypatch: pytest.MonkeyPatch, rounds: int = 1) -> tuple[Containers, list[None]]:
    """What is known after somebody has watched for a moment."""
    left, changes = [rounds], []

    def is_wanted() -> bool:
        left[0] -= 1
        return left[0] >= 0

    made = Containers(folder / "podman", is_wanted, lambda: changes.append(None))
    monkeypatch.setattr(watch, "COMMAND_EVERY_S", 0.05)
    asyncio.run(asyncio.wait_for(made.follow(), 30))
    return made, changes


def test_a_service_that_does_not_start_is_replaced_by_the_command_line(
    podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(watch, "READY_S", 0.2)
    made, changes = followed(tmp_path, monkeypatch)
    found = made.find("nuwa-shop-blue")
    assert found
    assert (found.health, found.image_size) == ("unhealthy", 7)
    assert made.find("of-another") is None
    assert len(changes) == 1
    assert "its command line is used" in caplog.text


def test_a_service_that_listens_and_says_nothing_is_left(
    podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    write(podman, "exec python3 -c \"import socket, sys, time; s = socket.socket(socket.AF_UNIX); "
          "s.bind(sys.argv[1][7:]); s.listen(9); time.sleep(60)\" \"${@: -1}\"")  # fmt: skip
    monkeypatch.setattr(watch, "SILENCE_S", 0.5)
    made, _ = followed(tmp_path, monkeypatch)
    assert made.find("nuwa-shop-blue")


def test_a_podman_that_fails_altogether_is_said_and_nothing_ends(
    podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    podman.write_text("#!/bin/sh\necho no >&2; exit 125\n")
    monkeypatch.setattr(watch, "READY_S", 0.2)
    made, changes = followed(tmp_path, monkeypatch, rounds=2)
    assert made.find("nuwa-shop-blue") is None
    assert changes == []


def test_the_socket_is_in_a_folder_for_root_alone(
    podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "READY_S", 0.1)
    (tmp_path / "podman").mkdir(mode=0o755)
    followed(tmp_path, monkeypatch)
    assert stat.S_IMODE((tmp_path / "podman").stat().st_mode) == 0o700


def test_the_command_line_is_not_asked_again_at_once(podman: Path, tmp_path: Path):
    made = Containers(tmp_path, lambda: True, lambda: None)

    async def twice() -> None:
        await made.refresh()
        podman.write_text("#!/bin/sh\nexit 99\n")
        await made.refresh()

    asyncio.run(twice())
    assert made.find("nuwa-shop-blue")


def test_a_podman_that_fails_is_not_asked_by_everybody_who_waited(podman: Path, tmp_path: Path):
    asked = tmp_path / "asked"
    podman.write_text(f"#!/bin/sh\necho x >>{asked}\nexit 125\n")
    made = Containers(tmp_path, lambda: True, lambda: None)

    async def together() -> None:
        await asyncio.gather(*(made.refresh() for _ in range(5)), return_exceptions=True)

    asyncio.run(together())
    assert asked.read_text().split() == ["x"]


def test_an_answer_does_not_wait_for_a_podman_that_is_busy(
    podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, free = tmp_path / "asked", tmp_path / "free"
    podman.write_text(f"#!/bin/sh\necho x >>{asked}\nuntil [ -e {free} ]; do sleep 0.05; done\nexit 125\n")
    monkeypatch.setattr(inventory, "CONTAINERS_WAIT_S", 0.1)
    host: Any = SimpleNamespace(
        _is_watched=lambda: False,
        _containers=Containers(tmp_path, lambda: True, lambda: None),
        _looking=None,
        _has_containers=lambda: True,
    )
    host._look_at_containers = lambda: Inventory._look_at_containers(host)

    async def ask() -> bool:
        for _ in range(3):
            await Inventory.refresh_containers(host)
        is_busy = not host._looking.done()
        free.touch()
        await host._looking
        return is_busy

    assert asyncio.run(ask())
    assert asked.read_text().split() == ["x"]


def test_lines_of_the_reader():
    (found,) = watch._containers(ONE.encode())
    assert (found.name, found.health) == ("nuwa-shop-blue", "healthy")
    assert watch._containers(b'{"containers": [{"name": "x", "from": "a newer release"}]}') == []
    for line in (b"Traceback (most recent call last):", b"{}", b"[]", b'{"containers": 5}', b"\xff"):
        with pytest.raises(NuwaError):
            watch._containers(line)
