"""What `nuwa ls` says while the agent is down."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from nuwa.agent.client import AgentDown
from nuwa.agent.host import systemctl
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service
from nuwa.cli import host_services


def test_without_the_agent_all_replicas_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def ask(self, *_: object) -> None:
            raise AgentDown("the agent does not answer")

    service = Service("shop", "deployment", "blue", None, Deployment(tmp_path, "shop", replicas=2))
    monkeypatch.setattr(host_services, "client", Down)
    monkeypatch.setattr(host_services, "everything", lambda: [service])
    monkeypatch.setattr(host_services, "loaded", lambda: SimpleNamespace(revision=""))
    monkeypatch.setattr(systemctl, "show", lambda units: {unit: {"ActiveState": "active"} for unit in units})
    found, by_agent = host_services.listing()
    assert not by_agent
    assert [(row["status"], row["result"]) for row in found["ps"]] == [("running", "")]
