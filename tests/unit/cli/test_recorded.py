"""What the command line does without the agent is in the audit trail, however it went."""

from __future__ import annotations

import pytest

from nuwa.cli import config, host_services
from nuwa.errors import NuwaError


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr(host_services, "record", lambda *given: made.append(given))
    return made


def test_success_failure_and_interruption_are_told_apart(written: list[tuple[str, ...]]) -> None:
    with host_services.recorded("stop", "web"):
        pass
    with pytest.raises(NuwaError), host_services.recorded("stop", "web"):
        raise NuwaError("it is busy")
    with pytest.raises(KeyboardInterrupt), host_services.recorded("stop", "web"):
        raise KeyboardInterrupt
    assert written == [
        ("stop", "web", "ok"),
        ("stop", "web", "failed: it is busy"),
        ("stop", "web", "interrupted"),
    ]


def test_a_configuration_that_cannot_be_applied_is_written_down_and_a_dry_run_is_not(
    written: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("NUWA_ROOT", str(tmp_path))
    for dry_run in (True, False):
        with pytest.raises(NuwaError):
            config._apply(None, dry_run=dry_run)
    ((action, _, outcome),) = written
    assert action == "configure"
    assert outcome.startswith("failed: ")
