"""Durations in buckets: what is lost, and what is not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa.agent.stats import latencies


@pytest.mark.parametrize("seconds", [0.001, 0.012, 0.25, 1.0, 7.5, 120.0])
def test_a_duration_is_known_within_five_percent(seconds):
    counts = Counter({latencies.bucket(seconds): 3})
    for found in latencies.percentiles(counts, (0.5, 0.99)):
        assert found == pytest.approx(seconds, rel=0.052, abs=0.0001)


def test_percentiles_of_many():
    counts = Counter(latencies.bucket(number / 1000) for number in range(1, 1001))
    half, most, nearly_all = latencies.percentiles(counts, (0.5, 0.95, 0.99))
    assert half == pytest.approx(0.5, rel=0.06)
    assert most == pytest.approx(0.95, rel=0.06)
    assert nearly_all == pytest.approx(0.99, rel=0.06)


def test_nothing_has_no_percentiles():
    assert latencies.percentiles(Counter(), (0.5, 0.95)) == [None, None]
    assert latencies.pack(Counter()) is None
    assert latencies.unpack(None) == Counter()


def test_what_is_too_short_or_too_long_is_in_the_outer_buckets():
    assert latencies.bucket(0.0) == 0
    assert latencies.bucket(1e9) == latencies.BUCKETS - 1
    assert latencies.percentiles(Counter({0: 5}), (0.5,)) == [0.0]


@given(st.dictionaries(st.integers(0, latencies.BUCKETS - 1), st.integers(1, 10**9)))
def test_packing_loses_nothing(counts):
    assert latencies.unpack(latencies.pack(Counter(counts))) == counts
