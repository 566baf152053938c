"""Pieces of long lines put together, whatever comes between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.host.long_lines import MAX_LINE_CHARS, MAX_WAITING, Entry, Joiner
from nuwa.agent.schemas import Line


def line(text: str, cursor: str = "") -> Line:
    return {"service": "web", "time": 0.0, "priority": 6, "text": text, "cursor": cursor}


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.booleans(), st.text(max_size=3))))
def test_no_character_is_lost_or_moved_within_its_source(pieces: list[tuple[str, bool, str]]) -> None:
    joiner, found = Joiner(), []
    for source, is_partial, text in pieces:
        found += joiner.take(Entry(line(f"{source}{text}", source), source, is_partial))
    found += joiner.rest()
    for source in ("a", "b", ""):
        written = "".join(f"{each}{text}" for each, _, text in pieces if each == source)
        assert "".join(item["text"] for item in found if item["cursor"] == source) == written
    assert not joiner.is_waiting


def test_neither_an_endless_line_nor_many_open_ones_fill_the_memory() -> None:
    joiner = Joiner()
    piece = Entry(line("x" * (MAX_LINE_CHARS // 2)), "a", is_partial=True)
    assert joiner.take(piece) == []
    assert len(joiner.take(piece)) == 1
    shown = [joiner.take(Entry(line("y"), str(number), is_partial=True)) for number in range(MAX_WAITING + 3)]
    assert sum(map(len, shown)) == 3
