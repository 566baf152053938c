"""The host's own counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuwa.agent.host import machine
from nuwa.agent.host.machine import Machine

TICKS = machine._TICKS


def write(root: Path, *, busy: int, net: int, disk: int) -> None:
    texts = {
        "proc/stat": f"cpu  {busy} 0 0 5000 100 0 0 0 0 0\ncpu0 1 2 3\n",
        "proc/meminfo": "MemTotal:       4000 kB\nMemFree:  500 kB\nMemAvailable:   3000 kB\n",
        "proc/net/dev": f"a\nb\n  eth0: {net} 1 0 0 0 0 0 0 {net // 2} 1 0\n"
        "    lo: 9999999 1 0 0 0 0 0 0 999 1\n"
        f"veth12: 777777 1 0 0 0 0 0 0 99999 1\n",
        "proc/diskstats": f" 8 0 sda 1 0 {disk} 0 1 0 {disk * 2} 0 0\n 8 1 sda1 1 0 {disk} 0 1 0 {disk} 0 0\n"
        f" 253 0 dm-0 1 0 {disk} 0 1 0 {disk} 0 0\n",
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "sys/block/sda").mkdir(parents=True, exist_ok=True)
    (root / "sys/block/dm-0").mkdir(parents=True, exist_ok=True)


def test_rates_are_those_since_the_last_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(machine.time, "monotonic", lambda: now[0])
    write(tmp_path, busy=1000, net=5000, disk=100)
    host = Machine(tmp_path)
    first = host.usage()
    assert (first["cpu"], first["net"], first["memory"]) == (None, None, 1000 * 1024)
    write(tmp_path, busy=1000 + 30 * TICKS, net=5000 + 600, disk=160)
    now[0] += 60
    used = host.usage()
    assert used["cpu"] == 0.5
    assert used["net"] == {"incoming": 10, "outgoing": 5}
    assert used["disk"] == {"read": 60 * 512 / 60, "written": 120 * 512 / 60}


def test_counters_that_begin_anew_are_no_negative_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(machine.time, "monotonic", lambda: now[0])
    write(tmp_path, busy=9000, net=5000, disk=100)
    host = Machine(tmp_path)
    host.usage()
    write(tmp_path, busy=1, net=1, disk=1)
    now[0] += 60
    assert host.usage()["cpu"] == 0.0
    assert host.usage()["net"] is None


def test_a_real_host_has_all_of_them():
    host = Machine()
    host.usage()
    used = host.usage()
    assert None not in used.values()
    assert host.space()
