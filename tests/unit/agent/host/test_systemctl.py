"""systemd asked for many units, and what it counts of a unit."""

from __future__ import annotations

from typing import Any

import pytest

from nuwa.agent.host import systemctl
from nuwa.agent.monitor import results
from nuwa.process import Result


def test_many_units_are_asked_about_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def answer(argv: list[str], **_: Any) -> Result:
        units = argv[argv.index("--") + 1 :]
        calls.append(len(units))
        return Result(argv, 0, "\n\n".join(f"Id={unit}\nActiveState=active" for unit in units), "")

    monkeypatch.setattr(systemctl, "run", answer)
    units = [f"nuwa@s{number}-blue.service" for number in range(501)]
    assert list(systemctl.show(units)) == units
    assert max(calls) <= systemctl.UNITS_PER_QUERY
    assert systemctl.show([]) == {}


@pytest.mark.parametrize(
    ("restarts", "since", "state", "settled"),
    [(6, 0, "active", True), (6, 900, "active", False), (0, 0, "active", False), (6, 0, "activating", False)],
)
def test_a_process_that_runs_well_after_a_restart_begins_again_with_the_shortest_delay(
    restarts: int, since: int, state: str, settled: bool
) -> None:
    properties = {
        "ActiveState": state,
        "NRestarts": str(restarts),
        "ActiveEnterTimestampMonotonic": str(since * 1_000_000 + 1),
    }
    assert results.has_settled(properties, 1000.0) is settled
