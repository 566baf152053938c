"""Points in time as people type them."""

from __future__ import annotations

from datetime import datetime

import pytest

from nuwa.cli.times import moment
from nuwa.errors import UsageError

NOW = datetime(2026, 11, 22, 10, 30).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("-1h", NOW - 3600),
        ("90s", NOW - 90),
        ("2d", NOW - 2 * 86400),
        ("2026-11-22 10:00", NOW - 1800),
        ("2026-11-22T10:00", NOW - 1800),
        ("today", NOW - 10.5 * 3600),
        ("yesterday", NOW - 34.5 * 3600),
    ],
)
def test_a_point_in_time_is_understood(text: str, meant: float) -> None:
    assert moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["soon", "-1y", "2026-13-01", "10:00", "-", "h", "9" * 30 + "d"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UsageError, match="not a point in time") as raised:
        moment(text, NOW)
    assert "-1h" in raised.value.hint
