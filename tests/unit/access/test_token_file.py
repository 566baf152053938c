"""The file of tokens: what is kept of them, and what is refused."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from nuwa.access.token_file import TokenFile, Tokens, stored
from nuwa.errors import NuwaError, UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


@pytest.fixture
def file(path: Path) -> TokenFile:
    return TokenFile(path, path.with_name("lock"))


def test_a_token_is_recognised_and_nothing_of_it_is_kept(file: TokenFile, path: Path) -> None:
    made = file.add("ada", "operate", ("blog",))
    assert len(made) >= 40
    assert made not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    found = Tokens(path).match(f" {made}\n")
    assert found
    assert found.grant == Tokens(path).all()["ada"].grant
    assert (found.name, found.right, found.apps) == ("ada", "operate", ("blog",))
    assert Tokens(path).match(made[:-1]) is None
    assert Tokens(path).match("") is None


def test_a_revoked_token_is_recognised_no_more_also_by_who_has_read_the_file(
    file: TokenFile, path: Path
) -> None:
    tokens = Tokens(path)
    first, second = file.add("ada", "see", ()), file.add("bob", "see", ())
    assert tokens.match(first)
    file.remove("ada")
    assert tokens.match(first) is None
    assert tokens.match(second)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "host", "dashboard", "a" * 33, "-a", "a.b", "ä", "a\n"])
def test_a_name_that_cannot_be_one_is_refused(file: TokenFile, path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        file.add(name, "see", ())
    assert not path.exists()


def test_a_name_is_given_once(file: TokenFile) -> None:
    file.add("ada", "see", ())
    with pytest.raises(UsageError, match="already") as raised:
        file.add("ada", "configure", ())
    assert "nuwa token remove ada" in raised.value.hint
    with pytest.raises(UsageError):
        file.remove("bob")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"tokens": [{"name": "ada"}]}', '{"tokens": 1}', '{"tokens": [1]}']
)
def test_what_is_damaged_lets_nobody_in_and_is_not_overwritten(
    file: TokenFile, path: Path, content: str
) -> None:
    path.write_text(content)
    assert Tokens(path).match("anything") is None
    with pytest.raises(NuwaError) as raised:
        file.add("ada", "see", ())
    assert str(path) in raised.value.hint
    assert path.read_text() == content


def test_an_unknown_right_counts_as_damage(file: TokenFile, path: Path) -> None:
    made = file.add("ada", "see", ())
    document = json.loads(path.read_text())
    document["tokens"][0]["right"] = "everything"
    path.write_text(json.dumps(document))
    assert Tokens(path).match(made) is None


def test_a_change_of_a_token_changes_its_key(file: TokenFile, path: Path) -> None:
    file.add("ada", "see", ())
    before = Tokens(path).all()["ada"]
    file.update("ada", right="operate")
    after = Tokens(path).all()["ada"]
    assert (after.right, after.digest) == ("operate", before.digest)
    assert after.key != before.key


def test_a_file_that_is_made_again_belongs_to_the_group_that_reads_it(path: Path) -> None:
    token = path.with_name("token")
    token.write_text("x")
    others = [number for number in os.getgroups() if number != os.getgid()]
    group = 12345 if os.getuid() == 0 else [*others, os.getgid()][0]
    os.chown(token, -1, group)
    file = TokenFile(path, path.with_name("lock"), like=token)
    file.add("ada", "see", ())
    assert path.stat().st_gid == group
    path.unlink()
    file.add("ada", "see", ())
    assert path.stat().st_gid == group


def test_what_cannot_be_read_is_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text("[]")
    tokens = Tokens(path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert tokens.match("anything") is None
    assert len(caplog.records) == 1


def test_a_damaged_file_is_not_taken_for_an_empty_one(path: Path) -> None:
    assert stored(path) == {}
    path.write_text("{")
    with pytest.raises(NuwaError, match="damaged"):
        stored(path)
