"""How values read, and that nothing of others becomes markup."""

from __future__ import annotations

import pytest

from nuwa.access.rights import grant_of_host
from nuwa.dashboard import formatting
from nuwa.dashboard.configuration import diff
from nuwa.dashboard.responses import html

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("days", "shown"), [(61.2, "61 days"), (1.5, "36 hours"), (0.01, "0 hours"), (-3, "expired for 3d")]
)
def test_what_is_ahead_is_said_in_days(days: float, shown: str) -> None:
    assert formatting.ahead(NOW + days * 86400, NOW) == shown


HOSTILE = """"><script>alert(1)</script><img src=x onerror=alert(1)>'&lt;{{7*7}}"""


def hostile_row() -> dict[str, object]:
    line = {"service": HOSTILE, "time": NOW, "priority": 6, "text": HOSTILE, "cursor": HOSTILE}
    return {
        "name": HOSTILE, "kind": "deployment", "status": HOSTILE, "result": HOSTILE, "pid": 1, "ports": [1],
        "slot": HOSTILE, "since": NOW, "restarts": 0, "release": HOSTILE, "domains": [HOSTILE],
        "backup": None,
        "rehearsal": None, "certificate_end": None, "last": [line], "hook": HOSTILE,
        "container": {"health": HOSTILE, "health_since": NOW},
        "usage": {"cpu": None, "memory": None, "net": None, "disk": None},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["row", "lines", "hook"])
def test_nothing_that_others_wrote_becomes_markup(name: str) -> None:
    step = {"command": HOSTILE, "output": HOSTILE, "duration": 1.0, "code": None}
    hook = {
        "name": HOSTILE, "state": HOSTILE, "queued": 1, "run": 1, "started": NOW, "commit": HOSTILE,
        "services": [HOSTILE], "covers": [HOSTILE], "lines": [step],
    }  # fmt: skip
    made = html(name, row=hostile_row(), hook=hook, proof="", may=grant_of_host())
    for bad in ("<script", "<img", "49"):
        assert bad not in made
    assert "&lt;script&gt;" in made


def test_a_difference_says_of_each_line_what_it_is() -> None:
    lines = diff('{\n"a": 1\n}\n', '{\n"a": 2\n}\n', "old", "new")
    assert [kind for kind, _ in lines] == ["head", "head", "head", "same", "remove", "add", "same"]
    assert diff("same\n", "same\n", "a", "b") == []


@pytest.mark.parametrize("name", sorted(path.name for path in formatting.STATIC.iterdir()))
def test_a_file_has_what_it_holds_in_its_address(name: str) -> None:
    assert formatting.asset(name).startswith("/static/")
    assert formatting.asset(name).endswith(f"/{name}")
    text = (formatting.STATIC / name).read_text()
    assert not [word for word in text.split() if "://" in word and "www.w3.org" not in word]
