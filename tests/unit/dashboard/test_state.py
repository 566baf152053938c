"""What the dashboard knows, kept up to date by events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.schemas import HISTORY_SAMPLES, LAST_LINES
from nuwa.dashboard.event_relay import frames
from nuwa.dashboard.state import Board
from nuwa.web.sse import encode


def usage(cpu: float | None) -> Any:
    return {"cpu": cpu, "memory": 5, "net": {"incoming": 1, "outgoing": 2}, "disk": None}


def row(name: str, **given: Any) -> Any:
    return {"name": name, "status": "running", "last": [], "usage": usage(None), **given}


def line(name: str, cursor: str) -> Any:
    return {"service": name, "cursor": cursor, "text": cursor, "time": 1.0, "priority": 6}


def listing(*rows: Any) -> Any:
    return {"ps": list(rows), "hooks": [], "revision": "a", "applied": "a"}


def test_a_listing_says_what_is_different() -> None:
    board = Board()
    assert board.load(listing(row("web"), row("job"))) == (True, [], [])
    assert board.load(listing(row("web"), row("job", usage=usage(1.0)))) == (False, [], [])
    assert board.load(listing(row("web"), row("job", status="stopped"))) == (False, ["job"], [])
    assert board.load(listing(row("web"))) == (True, [], [])


def test_only_the_last_lines_are_kept_and_none_twice() -> None:
    board = Board()
    board.load(listing(row("web")))
    for number in range(9):
        assert board.add(line("web", str(number)))
    assert not board.add(line("web", "8"))
    assert not board.add(line("nobody", "1"))
    assert [item["text"] for item in board.rows["web"]["last"]] == ["4", "5", "6", "7", "8"]
    assert len(board.rows["web"]["last"]) == LAST_LINES


def test_a_service_that_changes_keeps_its_lines() -> None:
    board = Board()
    board.load(listing(row("web", last=[line("web", "1")])))
    assert board.put(row("web", status="stopped"))
    assert board.rows["web"]["last"] == [line("web", "1")]
    assert not board.put(row("new"))


def test_a_sample_tells_only_what_is_not_as_it_was() -> None:
    board = Board()
    board.load(listing(row("web"), row("job")))
    assert board.sample({"web": usage(0.5), "job": usage(0.0), "gone": usage(1.0)}) == {
        "web": [0.5, 5, 3, None],
        "job": [0.0, 5, 3, None],
    }
    assert board.sample({"web": usage(0.6), "job": usage(0.0)}) == {"web": [0.6, 5, 3, None]}
    for _ in range(HISTORY_SAMPLES):
        board.sample({"web": usage(0.1), "job": usage(0.0)})
    assert len(board.history("web")) == HISTORY_SAMPLES
    assert board.history("nobody") == []


@given(st.text(alphabet="a\n\r\u2028ü\x1b\"':", max_size=50), st.lists(st.integers(1, 400), max_size=30))
def test_events_are_read_whole_however_they_arrive(text: str, cuts: list[int]) -> None:
    raw = b": alive\n\n" + encode("line", {"text": text}, "c1") + encode("sample", {"a": 1})

    async def pieces() -> AsyncIterator[bytes]:
        rest = raw
        for cut in cuts:
            yield rest[:cut]
            rest = rest[cut:]
        yield rest

    async def read() -> list[tuple[str, Any]]:
        return [event async for event in frames(pieces())]

    assert asyncio.run(read()) == [("line", {"text": text}), ("sample", {"a": 1})]


def output(text: str, code: int | None = None, **given: Any) -> Any:
    return {
        "hook": "site",
        "run": 7,
        "step": 3,
        "command": "make",
        "text": text,
        "code": code,
        "duration": 1.0,
        **given,
    }


def test_the_output_of_a_run_grows_command_by_command() -> None:
    board = Board()
    board.hooks["site"] = {"name": "site", "run": 7, "lines": []}  # type: ignore[typeddict-item]
    assert board.grow(output("")) is True
    assert board.grow(output("one ")) is False
    assert board.grow(output("two", 0)) is True
    assert board.grow(output("again")) is True
    assert board.grow(output("", run=8)) is None
    assert board.grow(output("", hook="other")) is None
    lines = [(line["command"], line["output"], line["code"]) for line in board.hooks["site"]["lines"]]
    assert lines == [("make", "one two", 0), ("make", "again", None)]
