"""How a service is started and restarted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.apply import lifecycle
from nuwa.agent.host import systemctl
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service
from nuwa.agent.paths import Paths
from nuwa.errors import NuwaError

FIRST, SECOND = "nuwa-shop-blue.service", "nuwa-shop-blue_2.service"


class Host:
    """A deployment whose bin/restart notes how it was called, and which of its units run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.running, self.asked = folder, {FIRST, SECOND}, []
        script = folder / "bin/restart"
        script.parent.mkdir()
        script.write_text('#!/bin/sh\necho "$PWD $*" >>called\nexit "$(cat fails 2>/dev/null || echo 0)"\n')
        script.chmod(0o755)
        monkeypatch.setattr(systemctl, "is_active", self.running.__contains__)
        monkeypatch.setattr(systemctl, "restart", lambda units: self.asked.extend(("restart", *units)))
        monkeypatch.setattr(systemctl, "start", lambda units: self.asked.extend(("start", *units)))
        monkeypatch.setattr(lifecycle.monit, "watch", lambda _: None)

    def renew(self, replicas: int = 2) -> str:
        loaded: Any = None
        service = Service("shop", "deployment", "blue", None, Deployment(self.folder, "shop", replicas))
        return lifecycle.renew(service, loaded, Paths(self.folder))

    @property
    def called(self) -> str:
        file = self.folder / "called"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.mark.parametrize("running", [{FIRST, SECOND}, {SECOND}])
def test_replicas_are_restarted_one_after_the_other_by_the_deployments_own_script(
    host: Host, running: set[str]
) -> None:
    host.running &= running
    assert host.renew() == "restarted, one replica after the other"
    assert host.called == f"{host.folder} --quiet --yes\n"
    assert host.asked == []


def test_a_replica_that_does_not_come_up_is_an_error(host: Host) -> None:
    (host.folder / "fails").write_text("1")
    with pytest.raises(NuwaError, match="bin/restart"):
        host.renew()
    assert host.asked == []


def test_replicas_that_are_all_down_are_started_together(host: Host) -> None:
    host.running.clear()
    assert host.renew() == "restarted"
    assert (host.called, host.asked) == ("", ["restart", FIRST, SECOND])


def test_one_container_alone_is_restarted_by_systemd(host: Host) -> None:
    assert host.renew(replicas=1) == "restarted"
    assert (host.called, host.asked) == ("", ["restart", FIRST])
