"""What a check concludes from what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.host.deployment import find
from nuwa.agent.host.services import Service
from nuwa.agent.monitor import results


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_a_backup_is_judged_by_its_age_and_its_end(tmp_path: Path) -> None:
    def state(line: str) -> str:
        write(tmp_path, {"volumes/.nuwa/archives.tsv": line})
        return results.backup("shop", find(tmp_path), 1795000000.0, 30).state

    assert state("") == "failed"
    assert state("2026-11-18T11:00:00Z\ta\tok\n") == "ok"
    assert state("2026-11-18T11:00:00Z\ta\tdisk full\n") == "failed"
    assert state("2026-11-10T11:00:00Z\ta\tok\n") == "failed"


@pytest.mark.parametrize(
    ("end", "on_disk", "state"),
    [(None, None, "failed"), (5, None, "failed"), (20, None, "ok"), (20, 80, "failed"), (80, 80, "ok")],
)
def test_a_certificate_is_judged_by_what_is_served(end: int | None, on_disk: int | None, state: str) -> None:
    day = 86400.0
    ends = [None if days is None else days * day for days in (end, on_disk)]
    assert results.certificate("h", "", ends[0], ends[1], 0.0, 14).state == state


def test_a_service_that_keeps_ending_is_not_well_between_two_ends() -> None:
    web = Service("web", "process", "blue")

    def state(restarts: int, before: int | None, since: int, *, waits: bool = False) -> str:
        active = ("activating", "auto-restart") if waits else ("active", "running")
        properties = {
            "ActiveState": active[0],
            "SubState": active[1],
            "NRestarts": str(restarts),
            "ActiveEnterTimestampMonotonic": str(since * 1_000_000),
        }
        return results.process(web, properties, before, now=1000.0).state

    assert state(0, 0, 999) == "ok"
    assert state(4, 3, 999) == "failed"
    assert state(4, 4, 990, waits=True) == state(4, 4, 990) == state(4, None, 990) == "unknown"
    assert state(4, 4, 1000 - int(results.STEADY_S) - 1) == "ok"
