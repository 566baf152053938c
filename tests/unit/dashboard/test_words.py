"""How values read, and what is left of texts that want to be more than text."""

from __future__ import annotations

import pytest

from nuwa.dashboard import words
from nuwa.dashboard.answers import html
from nuwa.dashboard.configuration import diff

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (64 * 60, "64m"), (99 * 60, "99m"), (100 * 60, "1h"),
     (47.9 * 3600, "47h"), (48 * 3600, "2d"), (-5, "0s")],
)  # fmt: skip
def test_ages_are_short(seconds: float, shown: str) -> None:
    assert words.age(NOW - seconds, NOW) == shown


@pytest.mark.parametrize(
    ("days", "shown"), [(61.2, "61 days"), (1.5, "36 hours"), (0.01, "0 hours"), (-3, "over for 3d")]
)
def test_what_is_ahead_is_said_in_days(days: float, shown: str) -> None:
    assert words.ahead(NOW + days * 86400, NOW) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, "–"), (0, "0B"), (999, "999B"), (1000, "1.0K"), (48_000_000, "46M"), (5e12, "4.5T")],
)
def test_sizes_have_a_unit_that_fits(count: float | None, shown: str) -> None:
    assert words.size(count) == shown


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m", "\x1b[1;38;5;200mred", "\x1b]0;title\x07red", "\x1b]8;;http://x\x1b\\red",
        "r\x08e\x00d\x7f", "\x9b31mred", "\x1bcred", "\u202ered\u202c",
    ],
)  # fmt: skip
def test_what_terminals_obey_is_taken_out(text: str) -> None:
    assert words.plain(text).endswith("red") or words.plain(text) == "31mred"
    assert words.plain("Grüße\tan\n日本 🎉") == "Grüße\tan\n日本 🎉"


HOSTILE = """"><script>alert(1)</script><img src=x onerror=alert(1)>'&lt;{{7*7}}"""


def hostile_row() -> dict[str, object]:
    line = {"service": HOSTILE, "time": NOW, "priority": 6, "text": HOSTILE, "cursor": HOSTILE}
    return {
        "name": HOSTILE, "kind": "deployment", "status": HOSTILE, "result": HOSTILE, "pid": 1, "ports": [1],
        "slot": HOSTILE, "since": NOW, "restarts": 0, "release": HOSTILE, "domains": [HOSTILE],
        "backup": None,
        "rehearsal": None, "certificate_end": None, "last": [line], "hook": HOSTILE,
        "usage": {"cpu": None, "memory": None, "net": None, "disk": None},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["row", "lines", "hook"])
def test_nothing_that_others_wrote_becomes_markup(name: str) -> None:
    step = {"command": HOSTILE, "output": HOSTILE, "duration": 1.0, "code": None}
    hook = {
        "name": HOSTILE, "state": HOSTILE, "queued": 1, "run": 1, "started": NOW, "commit": HOSTILE,
        "services": [HOSTILE], "lines": [step],
    }  # fmt: skip
    made = html(name, row=hostile_row(), hook=hook, proof="")
    for bad in ("<script", "<img", "49"):
        assert bad not in made
    assert "&lt;script&gt;" in made


def test_a_difference_says_of_each_line_what_it_is() -> None:
    lines = diff('{\n"a": 1\n}\n', '{\n"a": 2\n}\n', "old", "new")
    assert [kind for kind, _ in lines] == ["head", "head", "head", "same", "remove", "add", "same"]
    assert diff("same\n", "same\n", "a", "b") == []


@pytest.mark.parametrize("name", sorted(path.name for path in words.STATIC.iterdir()))
def test_a_file_has_what_it_holds_in_its_address(name: str) -> None:
    assert words.asset(name).startswith("/static/")
    assert words.asset(name).endswith(f"/{name}")
    text = (words.STATIC / name).read_text()
    assert not [word for word in text.split() if "://" in word and "www.w3.org" not in word]
