"""The host agent on a real host: installed as the guide says, with real systemd, journal, nginx and git."""

from __future__ import annotations

import json

import pytest

from e2e.conftest import STATE_OF_HOST, LabHost, eventually


def listing(host: LabHost) -> dict[str, dict[str, object]]:
    """The services by name, as `nuwa ls --json` shows them."""
    return {row["name"]: row for row in json.loads(host.out("nuwa ls --json"))["ps"]}


@pytest.mark.usefixtures("agent")
class TestThePreparedHost:
    def test_nothing_is_missing_and_a_second_init_changes_nothing(self, host: LabHost) -> None:
        assert json.loads(host.out("nuwa host check --json"))["faults"] == {}
        before = host.out("systemctl show -p MainPID nuwa-ci nuwa-log")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration"]
        assert host.out("systemctl show -p MainPID nuwa-ci nuwa-log") == before

    def test_remove_leaves_nothing_behind_and_init_brings_it_back(
        self, host: LabHost, before_agent: str
    ) -> None:
        host.sh("nuwa host remove --yes")
        assert host.out(STATE_OF_HOST) == before_agent
        host.sh("nuwa host init")
        eventually(lambda: listing(host)["ci"]["status"] == "running", "the agent runs again")
