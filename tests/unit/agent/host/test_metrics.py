"""What services use, from one sample to the next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.host import metrics
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.metrics import READ_ALL_EVERY, Meter
from nuwa.agent.host.services import Service
from nuwa.agent.schemas import Usage

UNIT = "nuwa@web-blue.service"
REPLICAS = ("nuwa-shop-blue.service", "nuwa-shop-blue_2.service")
UNITS = {UNIT: {"ControlGroup": f"/nuwa.slice/{UNIT}", "MainPID": "10"}}
STILL = {"read": 0, "written": 0}


class Host:
    """A control group, and samples of it that are a second apart."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.group = root / "sys/fs/cgroup/nuwa.slice" / UNIT
        self.group.mkdir(parents=True)
        (root / "sys/fs/cgroup/cgroup.controllers").write_text("cpu memory io\n")
        self._meter, self._seconds = Meter(root), 0.0
        clock: Any = type("clock", (), {"monotonic": lambda: self._seconds})
        monkeypatch.setattr(metrics, "time", clock)

        async def traffic(unit: str) -> None:
            """Nobody counts."""

        monkeypatch.setattr(self._meter._counters, "traffic", traffic)

    def sample(self, cpu: float, memory: int = 4096, written: int = 0) -> Usage:
        self._seconds += 1
        (self.group / "cpu.stat").write_text(f"usage_usec {round(cpu * 1e6)}\nuser_usec 1\n")
        (self.group / "memory.current").write_text(f"{memory}\n")
        (self.group / "io.stat").write_text(f"8:0 rbytes=0 wbytes={written}\n")
        services = [Service("web", "process", "blue")]
        return asyncio.run(self._meter.sample(services, UNITS))["web"]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_what_a_service_used_is_told_as_a_rate(host: Host) -> None:
    assert host.sample(1.0)["cpu"] is None
    assert host.sample(1.5, written=100)["cpu"] == 0.5
    assert host.sample(1.75, written=300)["disk"] == {"read": 0, "written": 200}


def test_one_that_was_still_is_measured_again_as_soon_as_it_works(host: Host) -> None:
    for _ in range(5):
        usage = host.sample(1.0)
    assert (usage["cpu"], usage["memory"], usage["disk"]) == (0.0, 4096, STILL)
    usage = host.sample(1.25, memory=8192)
    assert (usage["cpu"], usage["memory"]) == (0.25, 8192)


def test_what_is_written_for_a_service_that_is_still_is_seen_later_and_once(host: Host) -> None:
    """The kernel writes back late what a process wrote."""
    host.sample(1.0)
    disks = [host.sample(1.0, memory=8192, written=100)["disk"] for _ in range(READ_ALL_EVERY + 3)]
    assert [disk for disk in disks if disk != STILL] == [{"read": 0, "written": 100}]
    assert host.sample(1.0)["memory"] == 8192


def test_among_many_what_is_still_is_read_less_often_and_nothing_of_it_is_lost(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MANY_UNITS", 0)
    for _ in range(4):
        usage = host.sample(1.0)
    assert usage["cpu"] == 0.0
    cpus = [0.0]
    while not cpus[-1] and len(cpus) < 10:
        cpus.append(host.sample(1.6)["cpu"] or 0.0)
    assert cpus[-1] == 0.2, "over the three seconds since it was read"
    assert host.sample(1.85)["cpu"] == 0.25, "what works is read each time"


def container(root: Path, unit: str, pid: int, cpu: float, memory: int) -> dict[str, str]:
    """A container's monitor and the container beneath it; returns what systemd says of the unit."""
    group, children = root / "sys/fs/cgroup" / unit, root / f"proc/{pid}/task/{pid}/children"
    for folder in (group, children.parent, root / f"proc/{pid + 1}"):
        folder.mkdir(parents=True, exist_ok=True)
    children.write_text(f"{pid + 1} ")
    (root / f"proc/{pid + 1}/cgroup").write_text(f"0::/{unit}\n")
    (group / "cpu.stat").write_text(f"usage_usec {round(cpu * 1e6)}\nuser_usec 1\n")
    (group / "memory.current").write_text(f"{memory}\n")
    (group / "io.stat").write_text("8:0 rbytes=0 wbytes=0\n")
    return {"MainPID": str(pid), "ActiveState": "active"}


def test_replicas_count_together_and_one_that_starts_anew_takes_nothing_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service("shop", "deployment", "blue", None, Deployment(tmp_path, "shop", replicas=2))
    controllers = tmp_path / "sys/fs/cgroup/cgroup.controllers"
    controllers.parent.mkdir(parents=True)
    controllers.write_text("cpu memory io\n")
    meter, now = Meter(tmp_path), [0.0]
    clock: Any = type("clock", (), {"monotonic": lambda: now[0]})
    monkeypatch.setattr(metrics, "time", clock)

    def sample(*cpus: float) -> Usage:
        now[0] += 1
        pids = {unit: 10 * number for number, unit in enumerate(REPLICAS, 1)}
        states = {
            unit: container(tmp_path, unit, pids[unit], cpu, 4096)
            for unit, cpu in zip(REPLICAS, cpus, strict=True)
        }
        return asyncio.run(meter.sample([service], states))["shop"]

    assert sample(1.0, 5.0)["memory"] == 8192
    usage = sample(1.5, 5.25)
    assert (usage["cpu"], usage["disk"]) == (0.75, STILL)
    assert sample(2.0, 0.0)["cpu"] == 0.5
    assert meter.usage("shop")["memory"] == 8192
    assert [one["cpu"] for one in meter.history()["shop"]] == [None, 0.75, 0.5]
