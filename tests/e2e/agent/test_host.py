"""The host agent on a real host: installed as the guide says, with real systemd, journal, nginx and git."""

from __future__ import annotations

import json

import pytest

from e2e.agent_site import listing
from e2e.conftest import STATE_OF_HOST, LabHost, eventually


@pytest.mark.usefixtures("agent")
class TestThePreparedHost:
    def test_nothing_is_missing_and_a_second_init_changes_nothing(self, host: LabHost) -> None:
        assert json.loads(host.out("nuwa host check --json"))["faults"] == {}
        before = host.out("systemctl show -p MainPID nuwa-ci nuwa-log")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration"]
        assert host.out("systemctl show -p MainPID nuwa-ci nuwa-log") == before

    def test_an_update_of_nuwa_restarts_the_agent_and_nothing_else(self, host: LabHost) -> None:
        record = host.out("echo /opt/nuwa/lib/python3*/site-packages/nuwa_images-*.dist-info/RECORD").strip()
        router = host.out("systemctl show -p MainPID nginx")
        before = host.out("systemctl show -p MainPID --value nuwa-ci nuwa-dashboard").split()
        host.sh(f"cp {record} /root/RECORD && echo 'nuwa/another.py,,' >>{record}")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration", "services"]
        after = host.out("systemctl show -p MainPID --value nuwa-ci nuwa-dashboard").split()
        assert not set(before) & set(after)
        assert host.out("systemctl show -p MainPID nginx") == router
        host.sh(f"mv /root/RECORD {record} && nuwa host init")

    def test_remove_leaves_nothing_behind_and_init_brings_it_back(
        self, host: LabHost, before_agent: str
    ) -> None:
        host.sh("nuwa host remove --yes")
        assert host.out(STATE_OF_HOST) == before_agent
        host.sh("nuwa host init")
        eventually(lambda: listing(host)["ci"]["status"] == "running", "the agent runs again")
