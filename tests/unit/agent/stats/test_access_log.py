"""What is read out of nginx's access logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.stats import access_log
from nuwa.agent.stats.access_log import Reader

HEAD = '203.0.113.7 - - [28/Nov/2026:11:00:00 +0000] "GET /cart?a=1 HTTP/1.1"'


def line(status: int = 200, took: str = " 0.012") -> str:
    return f'{HEAD} {status} 512 "-" "curl/8.1 (\\x22quoted\\x22)"{took}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_comes_after_the_first_look_counts(path: Path):
    reader = Reader()
    append(path, line() * 3)
    first = reader.read(path)
    assert first is not None
    assert first.count == 0
    append(path, line() * 2 + line(502))
    found = reader.read(path)
    assert found is not None
    assert (found.count, found.errors, found.took.total()) == (3, 1, 3)
    again = reader.read(path)
    assert again is not None
    assert again.count == 0


def test_a_log_that_appears_is_read_from_its_beginning(path: Path):
    reader = Reader()
    assert reader.read(path) is None
    append(path, line())
    found = reader.read(path)
    assert found is not None
    assert found.count == 1


def test_half_a_line_waits_for_its_end(path: Path):
    reader = Reader()
    reader.read(path)
    append(path, line()[:40])
    assert reader.read(path).count == 0
    append(path, line()[40:])
    assert reader.read(path).count == 1


def test_nothing_is_lost_or_counted_twice_when_the_log_is_rotated(path: Path):
    reader = Reader()
    reader.read(path)
    append(path, line() * 2)
    reader.read(path)
    append(path, line() * 3)
    path.rename(f"{path}.1")
    append(path, line() * 4)
    assert reader.read(path).count == 7
    assert reader.read(path).count == 0


def test_a_log_that_was_emptied_is_read_from_its_beginning(path: Path):
    reader = Reader()
    reader.read(path)
    append(path, line() * 5)
    reader.read(path)
    path.write_text(line())
    assert reader.read(path).count == 1


def test_a_format_without_durations_still_counts(path: Path):
    found = access_log.parse((line(took="") + line(404, took="")).encode())
    assert (found.count, found.errors, found.took.total()) == (2, 0, 0)


def test_a_websocket_counts_without_the_time_that_it_was_open():
    found = access_log.parse(line(101, " 3600.0").encode())
    assert (found.count, found.took.total()) == (1, 0)


@pytest.mark.parametrize(
    "text", ["", "\n", "nonsense\n", '"" "" ""\n', '\xff"\xff" 20', '"a" x y "b" "c" d\n']
)
def test_what_is_no_line_counts_for_nothing(text: str):
    assert access_log.parse(text.encode("latin-1")).count == 0


def test_of_a_flood_all_lines_count_although_few_are_read(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access_log, "MAX_BYTES", 20 * len(line()))
    reader = Reader()
    reader.read(path)
    append(path, (line() + line(500)) * 500)
    found = reader.read(path)
    assert found.count == 1000
    assert found.errors == pytest.approx(500, abs=30)
    assert found.took.total() == pytest.approx(1000, abs=30)


@pytest.mark.parametrize("took", [" nan", " inf", " -inf", " 1e999", " -"])
def test_a_duration_that_is_none_is_left_out(took: str):
    found = access_log.parse(line(took=took).encode())
    assert (found.count, found.took.total()) == (1, 0)
