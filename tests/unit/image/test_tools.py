"""The programs that builds run inside images."""

from __future__ import annotations

import gzip
import os
import py_compile
import shutil
import struct
import sys
import time
from pathlib import Path

import pytest

from nuwa.process import Result, run
from nuwa.resources import IMAGES

TOOLS = IMAGES / "tools"


def settle(folder: Path, time: int = 1000) -> None:
    run([sys.executable, TOOLS / "settle-bytecode", folder], env={"SOURCE_DATE_EPOCH": str(time)})


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
def test_bytecode_counts_whatever_becomes_of_its_sources_time(
    tmp_path: Path, mode: py_compile.PycInvalidationMode
) -> None:
    source = tmp_path / "module.py"
    source.write_text("value = 1\n")
    py_compile.compile(str(source), invalidation_mode=mode)
    settle(tmp_path)
    source.write_text("value = 2\n")
    os.utime(source, (5, 5))
    argv = [sys.executable, "-c", "import module; print(module.value)"]
    assert run(argv, cwd=tmp_path).stdout == "1\n"


def test_bytecode_of_old_pythons_gets_the_time_of_the_layer(tmp_path: Path) -> None:
    for name in ("a.pyc", "b.cpython-36.pyc"):
        (tmp_path / name).write_bytes(b"MAGI" + struct.pack("<I", 7) + b"rest")
    settle(tmp_path, 4242)
    for name in ("a.pyc", "b.cpython-36.pyc"):
        assert (tmp_path / name).read_bytes() == b"MAGI" + struct.pack("<I", 4242) + b"rest"


@pytest.mark.parametrize(
    ("changed", "settled"),
    [("nothing", False), ("source", True), ("time of the source", True), ("bytecode", True)],
)
def test_valid_bytecode_of_the_layers_below_is_left_where_it_is(
    tmp_path: Path, changed: str, settled: bool
) -> None:
    source = tmp_path / "files" / "module.py"
    source.parent.mkdir()
    source.write_text("value = 1\n")
    compiled = Path(
        py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    )
    if changed == "time of the source":
        os.utime(source, (5, 5))
    time.sleep(0.02)
    shutil.copy(TOOLS / "settle-bytecode", tmp_path / "settle-bytecode")
    time.sleep(0.02)
    if changed == "source":
        source.chmod(0o600)
    if changed == "bytecode":
        compiled.chmod(0o600)
    run([sys.executable, tmp_path / "settle-bytecode", source.parent], env={"SOURCE_DATE_EPOCH": "1000"})
    assert (compiled.read_bytes()[4:8] == b"\x01\0\0\0") == settled


def test_settled_bytecode_is_not_even_opened_for_writing(tmp_path: Path) -> None:
    compiled = tmp_path / "a.cpython-313.pyc"
    compiled.write_bytes(b"MAGI" + struct.pack("<I", 1) + bytes(8) + b"code")
    before = compiled.stat()
    settle(tmp_path)
    assert compiled.stat().st_mtime_ns == before.st_mtime_ns


def test_damaged_and_linked_bytecode_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "short.pyc").write_bytes(b"x")
    (tmp_path / "link.pyc").symlink_to("/nowhere")
    settle(tmp_path)
    assert (tmp_path / "short.pyc").read_bytes() == b"x"


def imported(folder: Path, target: str) -> Result:
    return run([sys.executable, TOOLS / "import-server", target], cwd=folder, check=False)


def test_an_app_is_imported_from_the_folder_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "site_app.py").write_text(
        "class A:\n    @staticmethod\n    def wsgi(e, s): pass\n"
        "def make(): return A.wsgi\ndef bad(): return 1\nnot_callable = 3\n"
    )
    assert imported(tmp_path, "site_app:A.wsgi").ok
    assert imported(tmp_path, "site_app:make()").ok
    assert "which no server can call" in imported(tmp_path, "site_app:not_callable").stderr
    assert "which no server can call" in imported(tmp_path, "site_app:bad()").stderr
    assert "AttributeError" in imported(tmp_path, "site_app:missing").stderr
    assert "ModuleNotFoundError" in imported(tmp_path, "nowhere:app").stderr


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("import socket\nsocket.create_connection(('127.0.0.1', 1))\n", True),
        (
            "try:\n    raise OSError('Connection refused')\n"
            "except OSError as error:\n    raise RuntimeError('no database') from error\n",
            True,
        ),
        ("raise RuntimeError('no settings')\n", False),
    ],
)
def test_an_app_that_asks_a_server_when_it_is_imported_can_be_built(
    tmp_path: Path, code: str, passes: bool
) -> None:
    (tmp_path / "site_app.py").write_text(code)
    result = imported(tmp_path, "site_app:app")
    assert result.ok is passes
    assert ("asks a server when it is imported" in result.stdout) is passes


def test_static_text_is_compressed_beside_the_original_and_small_or_binary_files_are_not(
    tmp_path: Path,
) -> None:
    big = "body { color: red }\n" * 200
    for name in ("a.css", "with space\n.js", "photo.jpg"):
        (tmp_path / name).write_text(big)
    (tmp_path / "tiny.css").write_text("x")
    run([TOOLS / "compress", tmp_path])
    made = sorted(path.name for path in tmp_path.glob("*.gz"))
    assert made == ["a.css.gz", "with space\n.js.gz"]
    assert gzip.decompress((tmp_path / "a.css.gz").read_bytes()).decode() == big
    assert (tmp_path / "a.css").read_text() == big
    first = (tmp_path / "a.css.gz").read_bytes()
    os.utime(tmp_path / "a.css", (9, 9))
    run([TOOLS / "compress", tmp_path])
    assert (tmp_path / "a.css.gz").read_bytes() == first


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as it is lent to a build, whose apt-get writes down each call."""
    shutil.copytree(TOOLS, tmp_path / "mnt" / "tools")
    (tmp_path / "mnt" / "sources.list").write_text("deb http://mirror.test/debian trixie main\n")
    (tmp_path / "lists").mkdir()
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$*" >>calls\n[ "$1" != update ] || rm -f stale\n'
        '[ ! -e broken ] && [ ! -e stale ] && { [ ! -e missing ] || [ "$1" = update ]; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def asks(apt: Path, *words: str) -> bool:
    """Whether the lists are asked for."""
    (apt / "calls").write_text("")
    run([apt / "mnt" / "tools" / "apt-lists", apt / "lists", *words], check=False)
    return (apt / "calls").read_text() == "update -q\n"


def test_lists_of_packages_are_asked_for_once_an_hour(apt: Path) -> None:
    assert asks(apt)
    assert not asks(apt)
    (made,) = (apt / "lists").iterdir()
    old = time.time() - 3700
    os.utime(made, (old, old))
    assert asks(apt)


def test_an_upgrade_and_another_mirror_ask_for_new_lists(apt: Path) -> None:
    assert asks(apt)
    assert asks(apt, "new")
    (apt / "mnt" / "sources.list").write_text("deb http://other.test/debian trixie main\n")
    assert asks(apt)
    assert not asks(apt)
    (apt / "mnt" / "sources.list").unlink()
    assert asks(apt)


def test_an_installation_that_fails_with_lists_of_an_earlier_build_is_repeated_with_new_ones(
    apt: Path,
) -> None:
    install, line = apt / "mnt" / "tools" / "apt-install", "install -q -y --no-install-recommends a b\n"
    assert run([install, apt / "lists", "a", "b"]).ok
    assert (apt / "calls").read_text() == "update -q\n" + line
    (apt / "calls").write_text("")
    (apt / "stale").touch()
    assert run([install, apt / "lists", "a", "b"]).ok
    assert (apt / "calls").read_text() == f"{line}update -q\n{line}"


def test_nothing_is_installed_by_lists_that_did_not_arrive(apt: Path) -> None:
    (apt / "broken").touch()
    assert not run([apt / "mnt" / "tools" / "apt-install", apt / "lists", "a"], check=False).ok
    assert (apt / "calls").read_text() == "update -q\n"


def test_an_installation_that_fails_with_new_lists_has_failed(apt: Path) -> None:
    (apt / "missing").touch()
    assert not run([apt / "mnt" / "tools" / "apt-install", apt / "lists", "a"], check=False).ok
    assert (apt / "calls").read_text().count("install -q") == 1


def test_lists_that_did_not_arrive_do_not_count(apt: Path) -> None:
    assert asks(apt)
    (apt / "broken").touch()
    assert asks(apt, "new")
    (apt / "broken").unlink()
    assert asks(apt)


def test_a_translations_text_goes_where_it_is_compiled(tmp_path: Path) -> None:
    texts = tmp_path / "it's a package" / "locale" / "de" / "LC_MESSAGES"
    texts.mkdir(parents=True)
    for name in ("django.po", "django.mo", "alone.po"):
        (texts / name).touch()
    (tmp_path / "data.po").touch()
    (tmp_path / "data.mo").touch()
    run([TOOLS / "prune-translations", tmp_path])
    assert {path.name for path in tmp_path.rglob("*.?o")} == {"django.mo", "alone.po", "data.po", "data.mo"}
