"""What `nuwa host init` tells systemd of the host's journal."""

from __future__ import annotations

import pytest

from nuwa.agent.install.host import journal_drop_in


@pytest.mark.parametrize(
    ("processors", "quota"),
    [(1, "25%"), (2, "25%"), (3, "37%"), (4, "50%"), (7, "87%"), (8, ""), (64, "")],
)
def test_a_flood_of_lines_leaves_most_of_a_small_host_to_others(processors: int, quota: str) -> None:
    found = [line for line in journal_drop_in(processors).splitlines() if line.startswith("CPUQuota=")]
    assert found == ([f"CPUQuota={quota}"] if quota else [])
