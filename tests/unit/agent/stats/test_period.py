"""Periods that people ask for."""

from __future__ import annotations

import pytest

from nuwa.agent.stats import period
from nuwa.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("24h", 86400), ("-7d", 604800), ("2w", 1209600), ("2y", 63072000)]
)
def test_a_period(text, seconds):
    assert period.seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "7", "d", "1s", "0h", "3y", "9999999d", "1h30m", "٣d", "yesterday", "1d\n"]
)
def test_what_is_none_says_what_one_looks_like(text):
    with pytest.raises(UsageError) as raised:
        period.seconds(text)
    assert "24h" in raised.value.hint


@pytest.mark.parametrize("text", ["10m", "6h", "24h", "25h", "31d", "32d", "2y"])
def test_a_period_has_a_few_hundred_points_of_a_length_that_is_kept_for_so_long(text):
    length = period.seconds(text)
    step = period.step(length)
    assert length / step <= 800
    kept = {60: 1440 * 60, 300: 1440 * 60, 3600: 744 * 3600, 86400: 730 * 86400}
    assert length <= kept[step]
