"""How ages and sizes read, and what is left of texts that want to be more than text."""

from __future__ import annotations

import pytest

from nuwa import humanize

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (64 * 60, "64m"), (99 * 60, "99m"), (100 * 60, "1h"),
     (47.9 * 3600, "47h"), (48 * 3600, "2d"), (-5, "0s")],
)  # fmt: skip
def test_ages_are_short(seconds: float, shown: str) -> None:
    assert humanize.age(NOW - seconds, NOW) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, ""), (0, "0B"), (999, "999B"), (1000, "1.0K"), (48_000_000, "46M"), (5e12, "4.5T")],
)
def test_sizes_have_a_unit_that_fits(count: float | None, shown: str) -> None:
    assert humanize.size(count) == shown


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m", "\x1b[1;38;5;200mred", "\x1b]0;title\x07red", "\x1b]8;;http://x\x1b\\red",
        "r\x08e\x00d\x7f", "\x9b31mred", "\x1bcred", "\u202ered\u202c",
    ],
)  # fmt: skip
def test_what_terminals_obey_is_taken_out(text: str) -> None:
    assert humanize.plain(text).endswith("red") or humanize.plain(text) == "31mred"
    assert humanize.plain("Grüße\tan\n日本 🎉") == "Grüße\tan\n日本 🎉"
