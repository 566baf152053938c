"""Counters of control groups, in both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

from nuwa.agent.host.cgroups import Cgroups, Counts


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_counters_are_read_from_cgroups_of_version_2(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/nuwa.slice/a.service"
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cgroup.controllers": "cpu memory io\n",
            f"{group}/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
            f"{group}/memory.current": "4096\n",
            f"{group}/io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n",
        },
    )
    found = Cgroups(tmp_path).read("/nuwa.slice/a.service", 1, container=False)
    assert found == Counts(2.5, 4096, (11, 22))
    assert Cgroups(tmp_path).read("", 0, container=False) is None
    assert Cgroups(tmp_path).read("/nuwa.slice/gone.service", 0, container=False) is None


def test_counters_are_read_from_cgroups_of_version_1(tmp_path: Path) -> None:
    block = "sys/fs/cgroup/blkio/a.service"
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cpuacct/a.service/cpuacct.usage": "1500000000\n",
            "sys/fs/cgroup/memory/a.service/memory.usage_in_bytes": "8192\n",
            f"{block}/blkio.throttle.io_service_bytes_recursive": "8:0 Read 5\n8:0 Write 6\nTotal 11\n",
        },
    )
    assert Cgroups(tmp_path).read("/a.service", 1, container=False) == Counts(1.5, 8192, (5, 6))


def test_a_container_is_counted_beneath_its_monitor_with_its_own_network(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sys/fs/cgroup/cgroup.controllers": "cpu\n",
            "proc/10/task/10/children": "20 ",
            "proc/20/cgroup": "0::/machine.slice/libpod-x.scope\n",
            "proc/20/net/dev": "Inter-|\n face |\n lo: 9 0 0 0 0 0 0 0 9 0\n eth0: 100 1 0 0 0 0 0 0 200 2\n",
            "sys/fs/cgroup/machine.slice/libpod-x.scope/cpu.stat": "usage_usec 1000000\n",
        },
    )
    for pid, name in ((1, "net:[1]"), (20, "net:[2]")):
        (tmp_path / f"proc/{pid}/ns").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/ns/net").symlink_to(name)
    assert Cgroups(tmp_path).read("/system.slice/x.service", 10, container=True) == Counts(
        1.0, None, None, (100, 200)
    )
    assert Cgroups(tmp_path).read("/system.slice/x.service", 11, container=True) is None
