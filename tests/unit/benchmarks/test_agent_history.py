"""What the bench writes is what two years of history take."""

from __future__ import annotations

from pathlib import Path

from benchmarks import agent_history
from nuwa.agent.stats.resolutions import DAYS
from nuwa.agent.stats.store import Store


def test_two_years_of_fifty_services_and_the_host_would_fit_into_60_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "stats.db"
    agent_history.fill(path, ["web"])
    assert len(Store(path).read("web", 0, DAYS.step)) == DAYS.kept
    assert path.stat().st_size / 2 * 51 < 60e6
