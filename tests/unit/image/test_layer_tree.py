"""The archive that a layer adds: the same content gives the same bits."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from nuwa.image import layer_tree
from nuwa.image.files import File
from nuwa.image.layer_tree import Entry


def archive(entries: tuple[Entry, ...], file: Path) -> bytes:
    layer_tree.write_archive(entries, file, 1000)
    return file.read_bytes()


def test_times_owners_and_other_permissions_do_not_show(tmp_path: Path) -> None:
    bits = []
    for name, mode, time in (("a", 0o600, 1), ("b", 0o664, 99999)):
        folder = tmp_path / name
        (folder / "etc").mkdir(parents=True)
        (folder / "etc" / "x").write_text("same")
        (folder / "etc" / "x").chmod(mode)
        os.utime(folder / "etc" / "x", (time, time))
        bits.append(archive(layer_tree.merge(layer_tree.folder(folder)), tmp_path / f"{name}.tar"))
    assert bits[0] == bits[1]


def test_bytecode_that_pip_left_among_the_files_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "lib/__pycache__").mkdir(parents=True)
    for name in ("lib/states.py", "lib/__pycache__/states.cpython-313.pyc"):
        (tmp_path / name).touch()
    assert [entry.path for entry in layer_tree.folder(tmp_path)] == ["/lib/states.py"]


def test_the_archive_holds_folders_links_and_odd_names(tmp_path: Path) -> None:
    long = "/srv/app/" + "d" * 120 + "/" + "f" * 120
    entries = layer_tree.merge(
        [
            Entry("/srv/app/a\nb", content=b"1"),
            Entry(long, 0o755, content=b"2"),
            Entry("/srv/l", link="app/x"),
        ],
        layer_tree.generated({"/usr/lib/nuwa/ü": File(b"3", 0o600)}),
    )
    archive(entries, tmp_path / "t.tar")
    with tarfile.open(tmp_path / "t.tar") as made:
        members = {member.name: member for member in made}
    assert members["srv"].isdir()
    assert members["srv/app/a\nb"].size == 1
    assert members[long.strip("/")].mode == 0o755
    assert members["srv/l"].linkname == "app/x"
    assert members["usr/lib/nuwa/ü"].mode == 0o600
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 1000)}


def test_a_later_part_replaces_an_earlier_one() -> None:
    merged = layer_tree.merge([Entry("/b", content=b"1"), Entry("/a")], [Entry("/b", content=b"2")])
    assert [(entry.path, entry.content) for entry in merged] == [("/a", b""), ("/b", b"2")]


def test_the_digest_changes_with_path_permission_content_and_kind() -> None:
    variants = [
        Entry("/a", content=b"x"),
        Entry("/b", content=b"x"),
        Entry("/a", 0o755, content=b"x"),
        Entry("/a", content=b"y"),
        Entry("/a", link="x"),
    ]
    assert len({layer_tree.digest([entry]) for entry in variants}) == len(variants)
    assert layer_tree.digest([variants[0]]) == layer_tree.digest([Entry("/a", content=b"x")])


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert layer_tree.folder(tmp_path / "none") == []
