"""Lines that a program overwrites."""

from __future__ import annotations

from functools import reduce

import pytest

from nuwa.web.rewritten_lines import extended


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["get a\n", "10 %\r", "20 %\r", "30 %\n", "done\n"], "get a\n30 %\ndone\n"),
        (["get a", "\r10 %", "\r20 %", "\ndone"], "20 %\ndone"),
        (["10 %\r20 %\r"], "20 %\r"),
        (["a\r", "\nb\r\n", "c"], "a\nb\nc"),
        (["one\n", "two\n"], "one\ntwo\n"),
        (["a\n\r", "\rb"], "a\nb"),
    ],
    ids=["at the end", "at the beginning", "still going on", "of Windows", "no progress", "twice"],
)
def test_the_last_state_of_a_line_is_shown(pieces: list[str], shown: str) -> None:
    assert reduce(extended, pieces, "") == shown
