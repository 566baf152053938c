"""Work in volumes that hold all an app can make: nothing waits, nothing outside is read or written."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nuwa.render import zipapp
from unit.render.sample import app

SECRET = b"of the host"
ODD_NAMES = (b"with\nbreak", b"\xff\xfe", b"-rf", b"*", b"back\\slash", b"'quote\"", b"\x1b[31mred")
WAIT_S = 60
"""Whatever takes longer waits for somebody."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zipapp") / "render.pyz"
    path.write_bytes(zipapp.build(app()))
    return path


def run(archive: Path, *words: str | Path, names: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-S", archive, *words],
        input=names,
        capture_output=True,
        check=False,
        timeout=WAIT_S,
    )


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """What no work in a volume may touch, or read."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "passphrase").write_bytes(SECRET)
    with closing(sqlite3.connect(folder / "foreign.sqlite3")) as made:
        made.execute("CREATE TABLE foreign_rows (text)")
    before = seen(folder)
    yield folder
    assert seen(folder) == before


def seen(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.lstat().st_mode, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture
def volume(tmp_path: Path, outside: Path) -> Path:
    """A volume with all that an app can make beside the files it is made for."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "same").write_text("same\n")
    (folder / "edited").write_text("mine\n")
    (folder / "to-secret").symlink_to(outside / "passphrase")
    (folder / "to-folder").symlink_to(outside)
    (folder / "to-foreign").symlink_to(outside / "foreign.sqlite3")
    (folder / "loop").symlink_to("loop")
    (folder / "hard").hardlink_to(folder / "same")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.sqlite3")
    if os.geteuid() == 0:
        os.mknod(folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"odd " + name)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(folder / "socket"))
    bound.close()
    return folder


def database(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE IF NOT EXISTS notes (text)")
        made.executemany("INSERT INTO notes VALUES (?)", [(row,) for row in rows])
        made.commit()


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return [row[0] for row in opened.execute("SELECT text FROM notes")]


# --- initial content ---


def compared(archive: Path, volume: Path, new: Path, *names: bytes) -> list[str]:
    done = run(archive, "compare", f"data={volume}", new, names=b"".join(name + b"\0" for name in names))
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """What an image has for that volume: a file in the place of each."""
    folder = tmp_path / "new"
    (folder / "to-folder").mkdir(parents=True)
    for name in ("same", "hard"):
        (folder / name).write_text("same\n")
    for name in ("edited", "to-secret", "to-folder/passphrase", "loop", "pipe", "zero", "socket", "gone"):
        (folder / name).write_text("the image's\n")
    return folder


def test_what_differs_is_told_with_its_difference(archive: Path, volume: Path, new: Path) -> None:
    assert compared(archive, volume, new, b"same", b"hard") == []
    assert compared(archive, volume, new, b"gone") == [
        "the image has gone for volumes/data, which lacks it: it was not added"
    ]
    lines = compared(archive, volume, new, b"edited")
    assert lines[0] == "the image's edited for volumes/data has changed since; yours is kept"
    assert lines[1:3] == ["    --- volumes/data/edited (yours)", "    +++ edited (of the image)"]
    assert lines[4:6] == ["    -mine", "    +the image's"]


@pytest.mark.parametrize("name", ["to-secret", "to-folder/passphrase", "loop", "pipe", "zero", "socket"])
def test_what_is_no_file_is_told_and_never_opened(archive: Path, volume: Path, new: Path, name: str) -> None:
    [line] = compared(archive, volume, new, name.encode())
    assert line == f"the image has {name} for volumes/data, where it is not a readable file: left unchanged"


def test_nothing_that_a_terminal_obeys_is_shown(archive: Path, volume: Path, new: Path) -> None:
    (volume / "edited").write_bytes(b"\x1b]0;owned\x07\x1b[2J\r\nmine\n")
    name = b"\x1b[31mred"
    Path(os.fsdecode(os.fsencode(new) + b"/" + name)).write_text("other\n")
    shown = run(archive, "compare", f"data={volume}", new, names=b"edited\0" + name + b"\0").stdout
    assert not {0x1B, 0x07, 0x0D} & set(shown)
    assert b"]0;owned" in shown


def test_a_name_that_leads_upwards_is_refused(archive: Path, volume: Path, new: Path) -> None:
    [line] = compared(archive, volume, new, b"../outside/passphrase")
    assert "not a readable file" in line


# --- SQLite ---


def dump(archive: Path, to: Path, volume: Path) -> dict[bytes, bytes]:
    done = run(archive, "sqlite-dump", to, f"data={volume}")
    assert done.returncode == 0, done.stderr.decode()
    lines = (line.split(b" ", 3) for line in done.stdout.split(b"\0") if line)
    return {name: mode for mode, _, _, name in lines}


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    return folder


def test_databases_are_copied_whole_and_nothing_else_is(archive: Path, volume: Path, copies: Path) -> None:
    database(volume / "app.sqlite3", "one")
    database(volume / "sub" / "odd\nname", "two")
    (volume / "app.sqlite3").chmod(0o4640)
    assert dump(archive, copies, volume) == {b"data/app.sqlite3": b"640", b"data/sub/odd\nname": b"644"}
    assert rows(copies / "data" / "app.sqlite3") == ["one"]
    assert rows(copies / "data" / "sub" / "odd\nname") == ["two"]


def test_what_is_no_whole_database_is_copied_as_it_is(archive: Path, volume: Path, copies: Path) -> None:
    torn = b"SQLite format 3\0" + b"\xff" * 496
    (volume / "torn").write_bytes(torn)
    assert dump(archive, copies, volume) == {b"data/torn": b"644"}
    assert (copies / "data" / "torn").read_bytes() == torn


def restore(archive: Path, copies: Path, volume: Path) -> subprocess.CompletedProcess[bytes]:
    return run(archive, "sqlite-restore", copies, f"data={volume}")


def test_a_copy_takes_the_place_of_the_file_and_of_what_sqlite_keeps_beside_it(
    archive: Path, volume: Path, copies: Path
) -> None:
    database(copies / "data" / "sub" / "app.sqlite3", "then")
    (copies / "data" / "sub" / "app.sqlite3").chmod(0o640)
    os.utime(copies / "data" / "sub" / "app.sqlite3", ns=(1, 123_456_789))
    database(volume / "sub" / "app.sqlite3", "now")
    for ending in ("-wal", "-shm", "-journal"):
        (volume / "sub" / f"app.sqlite3{ending}").write_text("stale")
    assert restore(archive, copies, volume).returncode == 0
    put = volume / "sub" / "app.sqlite3"
    assert [path.name for path in put.parent.iterdir()] == ["app.sqlite3"]
    assert rows(put) == ["then"]
    assert (stat.S_IMODE(put.stat().st_mode), put.stat().st_mtime_ns) == (0o640, 123_456_789)


def test_a_link_or_a_pipe_in_a_files_place_is_replaced_and_not_followed(
    archive: Path, volume: Path, copies: Path
) -> None:
    for name in ("to-secret", "pipe", "to-foreign"):
        database(copies / "data" / name, "then")
    assert restore(archive, copies, volume).returncode == 0
    for name in ("to-secret", "pipe", "to-foreign"):
        assert stat.S_ISREG((volume / name).lstat().st_mode)
        assert rows(volume / name) == ["then"]


@pytest.mark.parametrize("folder", ["to-folder", "gone", "loop", "pipe"])
def test_a_folder_that_became_a_link_is_refused_before_anything_is_written(
    archive: Path, volume: Path, copies: Path, folder: str
) -> None:
    database(copies / "data" / "app.sqlite3", "then")
    database(copies / "data" / folder / "passphrase", "then")
    done = restore(archive, copies, volume)
    assert done.returncode == 1
    assert f"volumes/data/{folder} is missing or is a link" in done.stderr.decode()
    assert not (volume / "app.sqlite3").exists()


def test_a_copy_of_another_place_or_kind_is_refused(archive: Path, volume: Path, copies: Path) -> None:
    database(copies / "secrets" / "KEY", "then")
    assert b"is not in a volume" in restore(archive, copies, volume).stderr
    (copies / "secrets" / "KEY").unlink()
    (copies / "secrets").rmdir()
    (copies / "data").mkdir()
    (copies / "data" / "link").symlink_to("/etc/shadow")
    assert b"is not a regular file" in restore(archive, copies, volume).stderr


# --- checksums ---


def test_checksums_are_those_of_files_alone(archive: Path, volume: Path, tmp_path: Path) -> None:
    done = run(archive, "sums", f"data={volume}", names=b"volumes/data/edited\0")
    assert (done.returncode, done.stderr) == (0, b"")
    digest = hashlib.sha256(b"same\n").hexdigest().encode()
    lines = done.stdout.splitlines()
    assert {digest + b"  volumes/data/same", digest + b"  volumes/data/hard"} < set(lines)
    assert len(lines) == 2 + len(ODD_NAMES)
    (tmp_path / "volumes").mkdir()
    volume.rename(tmp_path / "volumes" / "data")
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet"], input=done.stdout, cwd=tmp_path, check=False, capture_output=True
    )
    assert (checked.returncode, checked.stdout) == (0, b"")


def acl(user: int) -> bytes:
    """As the kernel stores it: rwx for the owner; r-x for this user, the group and the mask."""
    entries = [(0x01, 7, -1), (0x02, 5, user), (0x04, 5, -1), (0x10, 5, -1), (0x20, 0, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)


def test_a_database_keeps_its_own_acl_and_takes_none_of_its_folder(
    archive: Path, volume: Path, copies: Path
) -> None:
    for name in ("with.sqlite3", "without.sqlite3"):
        database(volume / name, "one")
    os.setxattr(volume / "with.sqlite3", "system.posix_acl_access", acl(4444))
    os.setxattr(copies, "system.posix_acl_default", acl(33))
    dump(archive, copies, volume)
    os.setxattr(volume, "system.posix_acl_default", acl(34))
    assert restore(archive, copies, volume).returncode == 0
    assert os.getxattr(volume / "with.sqlite3", "system.posix_acl_access") == acl(4444)
    assert "system.posix_acl_access" not in os.listxattr(volume / "without.sqlite3")


def test_a_folder_gives_no_acl_to_what_is_restored_into_it(archive: Path, tmp_path: Path) -> None:
    os.setxattr(tmp_path, "system.posix_acl_default", acl(33))
    assert run(archive, "no-acl", tmp_path).returncode == 0
    (tmp_path / "made").touch()
    assert os.listxattr(tmp_path / "made") == []


def test_a_mode_of_0600_masks_an_inherited_acl(tmp_path: Path) -> None:
    """Why the guide asks for 0644: no default ACL lets nginx read what tempfile made."""
    folder = tmp_path / "media"
    folder.mkdir()
    os.setxattr(folder, "system.posix_acl_default", acl(33))
    os.close(os.open(folder / "upload", os.O_CREAT | os.O_WRONLY, 0o600))
    inherited = os.getxattr(folder / "upload", "system.posix_acl_access")
    [mask] = [rights for tag, rights, _ in struct.iter_unpack("<HHi", inherited[4:]) if tag == 0x10]
    assert mask == 0
