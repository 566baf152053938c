"""What `nuwa host init` tells systemd of the host's journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.host import systemctl
from nuwa.agent.install.host import journal_drop_in
from nuwa.agent.install.parts import DropIn


@pytest.mark.parametrize(
    ("processors", "quota"),
    [(1, "25%"), (2, "25%"), (3, "37%"), (4, "50%"), (7, "87%"), (8, ""), (64, "")],
)
def test_a_flood_of_lines_leaves_most_of_a_small_host_to_others(processors: int, quota: str) -> None:
    found = [line for line in journal_drop_in(processors).splitlines() if line.startswith("CPUQuota=")]
    assert found == ([f"CPUQuota={quota}"] if quota else [])


def test_the_quota_goes_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(systemctl, "reload", lambda: said.append("reload"))
    monkeypatch.setattr(systemctl, "restart", said.extend)
    file = tmp_path / "journal.service.d" / "30-nuwa.conf"
    drop_in = DropIn(file, journal_drop_in(1), restart="journal.service")
    drop_in.remove()
    assert said == ["reload"]
    file.parent.mkdir()
    file.touch()
    drop_in.remove()
    assert said[1:] == ["reload", "journal.service"]
    assert not file.parent.exists()
