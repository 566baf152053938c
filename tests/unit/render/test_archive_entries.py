"""Archives are judged by their entries before anything of them is written."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuwa.names import APP_ID
from nuwa.render import archive_entries
from nuwa.render.archive_entries import Contents, Entry, RefusedError, judge, read, read_restic


def entry(mode: str, path: str, target: str = "", *, uid: int = 0, gid: int = 0, size: int = 5) -> Entry:
    return Entry(mode.encode(), str(uid).encode(), str(gid).encode(), size, path.encode(), target.encode())


FOLDER = entry("drwxr-xr-x", "volumes/media")


def refusal(*entries: Entry) -> str:
    with pytest.raises(RefusedError) as caught:
        judge(entries)
    return str(caught.value)


def test_an_archive_of_a_deployment_passes():
    app = {"uid": APP_ID, "gid": APP_ID}
    entries = [
        entry("drwxr-xr-x", "bin"),
        entry("drwxr-xr-x", "bin/lib"),
        entry("-rwxr-xr-x", "bin/lib/wait"),
        FOLDER,
        entry("-rw-r--r--", "volumes/media/a b\n", size=7, **app),
        entry("hrw-r--r--", "volumes/media/c", "volumes/media/a b\n", **app),
        entry("lrwxrwxrwx", "volumes/media/link", "/etc/passwd"),
        entry("prw-r--r--", "volumes/media/pipe"),
        entry("-rwsr-sr-x", "volumes/media/own", **app),
        entry("drwx------", "volumes/.nuwa"),
        entry("lrwxrwxrwx", "volumes/.nuwa/tls/www.example.com", "pairs/0123"),
        entry("lrwxrwxrwx", "volumes/.nuwa/tls/certbot/live/x/key.pem", "../../archive/x/key1.pem"),
    ]
    assert judge(entries) == Contents(5 + 7 + 5, 12, (b"bin", b"volumes/media", b"volumes/.nuwa"))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cron.d/x",
        "../x",
        "volumes/media/../../../x",
        "volumes",
        "volumes/./media",
        "volumes//media",
        "binary/x",
        "",
        "volumes/media/..",
    ],
)
def test_what_lies_elsewhere_is_refused(path: str):
    assert refusal(entry("-rw-r--r--", path)).endswith("it is outside bin/ and volumes/")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry("brw-r--r--", "volumes/media/disk")], "it is a device or another special file"),
        ([entry("lrwxrwxrwx", "volumes/media", "/etc")], "it is not a folder"),
        ([entry("-rw-r--r--", "bin")], "it is not a folder"),
        ([entry("drwxr-xr-x", "volumes/a\nb")], "its name contains a line break"),
        ([entry("lrwxrwxrwx", "volumes/secrets/x", "/etc/shadow")], "it is not a regular file"),
        ([entry("prw-r--r--", "bin/run")], "it is not a regular file"),
        ([entry("-rw-------", "volumes/.nuwa/disks/media.img")], "it would be mounted as a file system"),
        ([entry("hrw-r--r--", "volumes/.nuwa/x", "volumes/.nuwa/y")], "it is not a regular file"),
        (
            [entry("lrwxrwxrwx", "volumes/.nuwa/tls/www.example.com", "../private/x")],
            "it is not a regular file",
        ),
        ([entry("lrwxrwxrwx", "volumes/.nuwa/tls/x", "pairs/../../private")], "it is not a regular file"),
        ([entry("-rwsr-xr-x", "volumes/media/su")], "it is setuid or setgid"),
        ([entry("-rwxr-Sr-x", "volumes/media/su", uid=APP_ID)], "it is setuid or setgid"),
        ([entry("hrw-r--r--", "volumes/media/x", "../../etc/shadow")], "it is a link to ../../etc/shadow"),
        (
            [entry("lrwxrwxrwx", "volumes/media/d", "/etc"), entry("-rw-r--r--", "volumes/media/d/cron.d/x")],
            "it is behind a symbolic link",
        ),
        (
            [
                entry("lrwxrwxrwx", "volumes/media/d", "/etc"),
                entry("hrw-r--r--", "volumes/media/x", "volumes/media/d/shadow"),
            ],
            "it is a link to volumes/media/d/shadow",
        ),
        (
            [
                entry("lrwxrwxrwx", "volumes/media/d", "/etc/shadow"),
                entry("hrw-r--r--", "volumes/media/x", "volumes/media/d"),
            ],
            "it is a link to volumes/media/d",
        ),
    ],
)
def test_what_would_do_harm_is_refused(entries: list[Entry], reason: str):
    assert reason in refusal(FOLDER, *entries)


def test_a_name_in_a_message_reaches_no_terminal_as_a_command():
    assert not re.search(r"[\x00-\x1f]", refusal(entry("-rw-r--r--", "\x1b[31m/x\n")))


def test_a_list_is_read_as_borg_writes_it():
    text = b"-rw-r--r-- 0 1 42 volumes/media/a  b\n\0\0lrwxrwxrwx 5 6 0 volumes/media/l\0../x\0"
    assert list(read(io.BytesIO(text))) == [
        Entry(b"-rw-r--r--", b"0", b"1", 42, b"volumes/media/a  b\n", b""),
        Entry(b"lrwxrwxrwx", b"5", b"6", 0, b"volumes/media/l", b"../x"),
    ]


@pytest.mark.parametrize("text", [b"-rw-r--r-- 0 0 5 volumes/media/x", b"-rw-r--r-- 0 0 x y\0\0", b"\0\0"])
def test_what_is_no_list_is_refused(text: bytes):
    with pytest.raises(RefusedError):
        list(read(io.BytesIO(text)))


def test_a_list_that_comes_in_pieces_is_the_same_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive_entries, "CHUNK_BYTES", 3)
    text = b"-rw-r--r-- 0 0 5 volumes/media/x\0\0drwxr-xr-x 0 0 0 bin\0\0"
    assert [found.path for found in read(io.BytesIO(text))] == [b"volumes/media/x", b"bin"]


NAMES = st.sampled_from(["..", ".", "", "a", "b", "media", "secrets", ".nuwa", "tls"])
PATHS = st.builds(
    lambda top, parts: "/".join((top, *parts)),
    st.sampled_from(["bin", "volumes", "volumes/media", "volumes/.nuwa/tls", "..", ""]),
    st.lists(NAMES, max_size=3),
)
TARGETS = st.one_of(PATHS, st.sampled_from(["../../outside", "../../../outside", "pairs/a", "/outside"]))
ENTRIES = st.builds(
    lambda kind, path, target: entry(f"{kind}rw-r--r--", path, target if kind in "hl" else ""),
    st.sampled_from("-dlh"),
    PATHS,
    TARGETS,
)


def extract(found: Entry, top: Path, outside: Path) -> None:
    """As a program would that trusts every word of an archive."""
    path = top / os.fsdecode(found.path)
    target = os.fsdecode(found.target).replace("/outside", str(outside), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    if found.kind == b"d":
        path.mkdir(exist_ok=True)
    elif found.kind == b"l":
        path.symlink_to(target)
    elif found.kind == b"h":
        path.hardlink_to(top / target)
    else:
        path.write_text("harm")


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, max_size=6))
def test_nothing_that_passes_reaches_out_of_the_deployment(entries: list[Entry]):
    with tempfile.TemporaryDirectory() as name:
        outside, top = Path(name, "outside"), Path(name, "outside/x/deployment")
        top.mkdir(parents=True)
        secret = outside / "secret"
        secret.write_text("kept")
        with suppress(RefusedError):
            judge(entries)
            for found in entries:
                with suppress(OSError):
                    extract(found, top, outside)
        assert secret.read_text() == "kept"
        assert secret.stat().st_nlink == 1
        assert {path.name for path in outside.iterdir()} == {"secret", "x"}
        assert [path.name for path in (outside / "x").iterdir()] == ["deployment"]


def nodes(*given: dict[str, object]) -> io.BytesIO:
    lines = [{"struct_type": "snapshot", "paths": ["/srv/blog/bin"]}]
    lines += [{"struct_type": "node", "uid": 0, "gid": 0, "mode": 0o644} | node for node in given]
    return io.BytesIO("".join(json.dumps(line) + "\n" for line in lines).encode())


GO_DIRECTORY, GO_SETUID = 1 << 31, 1 << 23


def test_a_list_of_restic_is_read_as_one_of_borg():
    found = judge(
        read_restic(
            nodes(
                {"type": "dir", "path": "/bin", "mode": GO_DIRECTORY | 0o755},
                {"type": "file", "path": "/bin/run", "mode": 0o755, "size": 7},
                {"type": "dir", "path": "/volumes", "mode": GO_DIRECTORY | 0o755},
                {"type": "dir", "path": "/volumes/media", "mode": GO_DIRECTORY | 0o755},
                {"type": "file", "path": "/volumes/media/größe", "size": 5, "uid": APP_ID},
                {"type": "symlink", "path": "/volumes/media/link"},
                {"type": "fifo", "path": "/volumes/media/pipe"},
                {"type": "symlink", "path": "/volumes/.nuwa/tls/www.example.com"},
            )
        )
    )
    assert found == Contents(12, 7, (b"bin", b"volumes/media", b"volumes/.nuwa"))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"type": "file", "path": "/etc/passwd"}, "outside bin/ and volumes/"),
        ({"type": "file", "path": "/volumes/media/../../x"}, "outside bin/ and volumes/"),
        ({"type": "symlink", "path": "/volumes"}, "outside bin/ and volumes/"),
        ({"type": "symlink", "path": "/volumes/secrets/x"}, "it is not a regular file"),
        ({"type": "symlink", "path": "/volumes/.nuwa/domains"}, "it is not a regular file"),
        ({"type": "chardev", "path": "/volumes/media/x"}, "device"),
        ({"type": "socket", "path": "/volumes/media/x"}, "device"),
        ({"type": "file", "path": "/volumes/media/x", "mode": GO_SETUID | 0o755}, "setuid or setgid"),
        ({"type": "file"}, "cannot be read"),
        ({"type": "file", "path": "/bin/x", "mode": "x"}, "cannot be read"),
    ],
)
def test_a_list_of_restic_with_a_harmful_entry_is_refused(node: dict[str, object], reason: str):
    with pytest.raises(RefusedError, match=reason):
        judge(read_restic(nodes(node)))


@pytest.mark.parametrize("line", [b"Fatal: no\n", b"[]\n", b"7\n", b"\xff\n"])
def test_what_is_no_list_of_restic_is_refused(line: bytes):
    with pytest.raises(RefusedError, match="cannot be read"):
        judge(read_restic(io.BytesIO(line)))
