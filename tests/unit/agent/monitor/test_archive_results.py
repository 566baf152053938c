"""Successful archives and rehearsals, as a deployment's records tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.host.deployment import Deployment
from nuwa.agent.monitor import events
from nuwa.agent.monitor.archive_results import ArchiveResults
from nuwa.errors import NuwaError


class Shop:
    def __init__(self, root: Path) -> None:
        self.deployment = Deployment(root / "shop", "shop")
        self.folder = root / "shop/volumes/.nuwa"
        self.folder.mkdir(parents=True)
        self.state = root / "state.json"
        self.results = ArchiveResults(self.state)
        self._minute = 0

    def record(self, file: str, outcome: str = "ok") -> None:
        self._minute += 1
        with (self.folder / file).open("a") as records:
            records.write(f"2026-11-28T10:{self._minute:02}:00Z\tshop-{self._minute}\t{outcome}\n")

    def new(self) -> list[str]:
        return [finding.message for finding in self.results.new("shop", self.deployment)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.record("archives.tsv")
    assert made.new() == [], "what was before the first look is not told"
    return made


def test_each_is_told_once_also_after_a_restart(shop: Shop) -> None:
    shop.record("archives.tsv")
    shop.record("rehearsals.tsv")
    assert shop.new() == ["archive shop-2 was made", "archive shop-3 was restored in a rehearsal"]
    shop.results = ArchiveResults(shop.state)
    assert shop.new() == []


def test_one_that_failed_is_left_to_the_check(shop: Shop) -> None:
    shop.record("archives.tsv", "the repository is gone")
    assert shop.new() == []
    shop.record("archives.tsv")
    assert shop.new() == ["archive shop-3 was made"]


def test_the_first_of_all_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.new() == []
    shop.record("archives.tsv")
    assert shop.new() == ["archive shop-1 was made"]


def test_what_cannot_be_noted_is_told_later(shop: Shop) -> None:
    shop.record("archives.tsv")
    shop.state.unlink()
    shop.state.mkdir()
    with pytest.raises(NuwaError, match="cannot be written"):
        shop.new()
    shop.state.rmdir()
    assert shop.new() == ["archive shop-2 was made"]


def test_it_is_an_event_of_backups(shop: Shop) -> None:
    shop.record("archives.tsv")
    (finding,) = shop.results.new("shop", shop.deployment)
    assert (events.event_of(finding), finding.state, finding.service) == ("backup", "ok", "shop")
