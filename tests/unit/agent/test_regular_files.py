"""Files that somebody else may exchange: none of them hangs or floods the agent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nuwa.agent import regular_files
from nuwa.agent.webhooks import git

MOST = 1000


@pytest.mark.timeout(30)
def test_only_plain_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    os.mkfifo(tmp_path / "fifo")
    for name, target in {"zero": "/dev/zero", "link": "plain", "gone": "nowhere", "to-fifo": "fifo"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "large").write_bytes(b"x" * (MOST + 1))
    assert regular_files.read(tmp_path / "plain", MOST) == b"text"
    assert regular_files.tail(tmp_path / "large", 3) == b"xxx"
    for name in ("fifo", "zero", "link", "gone", "to-fifo", "none", "."):
        for way in (regular_files.read, regular_files.tail):
            with pytest.raises(OSError, match=r"\S"):
                way(tmp_path / name, MOST)
    with pytest.raises(OSError, match="larger"):
        regular_files.read(tmp_path / "large", MOST)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("size", [10, MOST + 10])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_change_is_noticed_whatever_the_file_is(tmp_path: Path, size: int, is_link: bool) -> None:
    path = target = tmp_path / "script"
    if is_link:
        target = tmp_path / "target"
        path.symlink_to(target)
    assert regular_files.fingerprint(path, MOST) == ""
    target.write_bytes(b"a" * size)
    before = regular_files.fingerprint(path, MOST)
    assert before
    assert regular_files.fingerprint(path, MOST) == before
    target.write_bytes(b"b" * (size + 1))
    assert regular_files.fingerprint(path, MOST) != before


@pytest.mark.timeout(30)
def test_what_never_ends_has_a_fingerprint_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert regular_files.fingerprint(tmp_path / "fifo", MOST)
    assert regular_files.fingerprint(tmp_path / "zero", MOST)
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert git.checked_out(tmp_path) == ""
