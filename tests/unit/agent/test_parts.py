"""Smaller parts of the agent: what a push concerns, counters, certificates, alerts, published files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.database import Database
from nuwa.agent.host import dbus, services
from nuwa.agent.host.cgroups import Cgroups, Counts
from nuwa.agent.host.deployment import find
from nuwa.agent.host.journal import Query, Sources
from nuwa.agent.host.services import Service
from nuwa.agent.monitor import certificates, notifications, results
from nuwa.agent.monitor.results import Finding
from nuwa.agent.monitor.state_store import States
from nuwa.agent.paths import Paths
from nuwa.agent.webhooks import affected
from nuwa.agent.webhooks.affected import Concern
from nuwa.process import run
from nuwa.reference import agent
from nuwa.web import sd_notify

ROOT = Path(__file__).parents[3]


def load(processes: dict[str, Any], base: str = "/etc/nuwa") -> Loaded:
    return validate(json.dumps({"processes": processes}), "config.json", base=base)


@pytest.mark.parametrize(("path", "text"), agent.files().items(), ids=str)
def test_what_is_published_is_current(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, "run script/generate"


PROCESSES = {
    "web": {"script": "/src/web/main.js"},
    "api": {"script": "/src/api/run.sh", "cwd": "/src/api/data", "watch": ["/src/lib"]},
    "other": {"script": "/usr/bin/env"},
    "shop": {"deployment": "/srv/shop", "source": "/src/shop"},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"/src/web/index.js"}, ["web"]),
        ({"/src/website/index.js"}, []),
        ({"/src/lib/deep/x.js"}, ["api"]),
        ({"/src/api/data/x"}, ["api"]),
        ({"/src/api/run.sh"}, ["api"]),
        ({"/src/README"}, []),
        ({"/src/shop/app.py", "/src/web/main.js"}, ["web", "shop"]),
        (set(), []),
    ],
)
def test_a_push_concerns_the_services_whose_files_it_changes(changed: set[str], expected: list[str]) -> None:
    found = affected.affected(load(PROCESSES), "/src", changed)
    assert [concern.service for concern in found] == expected


def test_a_forced_run_concerns_everything_in_the_repository() -> None:
    found = affected.affected(load(PROCESSES), "/src", set(), forced=True)
    assert [concern.service for concern in found] == ["web", "api", "shop"]
    assert found[-1] == Concern("shop", "/src/shop", "/srv/shop")


def test_systemds_object_paths_are_read_back() -> None:
    unit = "nuwa@web-blue.service"
    assert dbus.object_path(unit).endswith("/nuwa_40web_2dblue_2eservice")
    assert dbus.unit_name(dbus.object_path(unit)) == unit


@pytest.mark.parametrize(
    ("properties", "status", "result"),
    [
        ({"ActiveState": "active"}, "running", ""),
        ({"ActiveState": "reloading"}, "running", ""),
        ({"ActiveState": "activating"}, "starting", ""),
        ({"ActiveState": "deactivating"}, "stopping", ""),
        ({"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"}, "stopped", "exit-code 3"),
        ({"ActiveState": "failed", "Result": "oom-kill"}, "stopped", "oom-kill"),
        (
            {"ActiveState": "inactive", "InactiveEnterTimestampMonotonic": "5", "Result": "success"},
            "stopped",
            "",
        ),
        ({"ActiveState": "inactive", "InactiveEnterTimestampMonotonic": "0"}, "unstarted", ""),
        ({"ActiveState": "inactive", "LoadState": "not-found"}, "unstarted", "no unit"),
        ({}, "unstarted", ""),
    ],
)
def test_systemds_states_become_words(properties: dict[str, str], status: str, result: str) -> None:
    assert (services.status(properties), services.result(properties)) == (status, result)


def test_the_time_of_a_start_does_not_depend_on_the_clock() -> None:
    at = str(int((time.monotonic() - 60) * 1e6))
    since = services.since({"ActiveState": "active", "ActiveEnterTimestampMonotonic": at})
    assert since is not None
    assert abs(time.time() - 60 - since) < 5


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


def service(name: str, kind: str = "process") -> Service:
    return Service(name, kind, "blue" if kind == "process" else "")


def test_a_line_belongs_to_the_unit_that_the_journal_vouches_for() -> None:
    sources = Sources([service("web"), service("ci", "core")])
    line = {
        "_SYSTEMD_UNIT": "nuwa@web-green.service",
        "UNIT": "nuwa-ci.service",
        "MESSAGE": "x",
        "PRIORITY": "3",
    }
    found = sources.line(json.dumps(line))
    assert found
    assert (found["service"], found["priority"]) == ("web", 3)
    assert sources.line(json.dumps({"_SYSTEMD_UNIT": "ssh.service", "NUWA_SERVICE": "web"})) is None
    assert sources.line("no json") is None


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    line = {"_SYSTEMD_UNIT": "nuwa@web-blue.service", "MESSAGE": [104, 105, 255]}
    found = Sources([service("web")]).line(json.dumps(line))
    assert found
    assert found["text"] == "hi\ufffd"


def test_many_services_are_asked_for_by_their_slice() -> None:
    few = Sources([service("a")]).matches
    many = Sources([service(f"s{number}") for number in range(500)]).matches
    assert "_SYSTEMD_UNIT=nuwa@a-blue.service" in few
    assert many == ["_SYSTEMD_SLICE=nuwa.slice"]


def test_no_value_of_a_query_becomes_an_option_of_its_own() -> None:
    options = Query(lines=10**9, since="--vacuum-size=1", grep="-x").options()
    assert options == ["--lines=10000", "--since=--vacuum-size=1", "--grep=-x"]
    options = Query(lines=10, since="today", grep="-x", after="c").options()
    assert options == ["--lines=11", "--grep=-x", "--cursor=c"], "journalctl takes a time or a cursor"


def test_a_deployments_folder_tells_about_it_and_a_broken_one_breaks_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "bin/_app": "readonly NUWA_APP=shop\nreadonly NUWA_BACKUP='ssh://x/y'\n",
            "volumes/.nuwa/slot": "green\n",
            "volumes/.nuwa/port.green": "8123\n",
            "volumes/.nuwa/release.green": "sha256:" + "ab" * 32,
            "volumes/.nuwa/domains": "example.org\nwww.example.org\n",
            "volumes/.nuwa/archives.tsv": "2026-11-20T10:00:00Z\told\tok\n"
            "2026-11-21T10:00:00Z\tnew\tno space\ntorn",
        },
    )
    found = find(tmp_path)
    assert (found.app, found.slot, found.port, found.release) == ("shop", "green", 8123, "ab" * 6)
    assert found.domains == ["example.org", "www.example.org"]
    assert found.unit == "nuwa-shop-green.service"
    assert found.has_backup
    assert found.last_archive
    assert (found.last_archive.what, found.last_archive.ok) == ("new", False)
    assert find(tmp_path / "nothing").app == ""
    (tmp_path / "bin/_app").write_text("readonly NUWA_APP='../x; rm -rf /'\n")
    assert find(tmp_path).app == ""


def test_a_backup_is_judged_by_its_age_and_its_end(tmp_path: Path) -> None:
    def state(line: str) -> str:
        write(tmp_path, {"volumes/.nuwa/archives.tsv": line})
        return results.backup("shop", find(tmp_path), 1795000000.0, 30).state

    assert state("") == "failed"
    assert state("2026-11-18T11:00:00Z\ta\tok\n") == "ok"
    assert state("2026-11-18T11:00:00Z\ta\tdisk full\n") == "failed"
    assert state("2026-11-10T11:00:00Z\ta\tok\n") == "failed"


def test_the_end_of_a_certificate_is_read(tmp_path: Path) -> None:
    key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for days in (30, 20000):  # the second ends after 2050, which is written in another way
        run([*key, "-subj", "/CN=x", "-days", str(days), "-keyout", tmp_path / "k", "-out", tmp_path / "c"])
        end = certificates.stored(tmp_path / "c")
        assert end is not None
        assert abs(end - time.time() - days * 86400) < 3600
    assert certificates.stored(tmp_path / "none") is None
    (tmp_path / "c").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    assert certificates.stored(tmp_path / "c") is None


@pytest.mark.parametrize(
    ("end", "on_disk", "state"),
    [(None, None, "failed"), (5, None, "failed"), (20, None, "ok"), (20, 80, "failed"), (80, 80, "ok")],
)
def test_a_certificate_is_judged_by_what_is_served(end: int | None, on_disk: int | None, state: str) -> None:
    day = 86400.0
    ends = [None if days is None else days * day for days in (end, on_disk)]
    assert results.certificate("h", "", ends[0], ends[1], 0.0, 14).state == state


def finding(state: str, name: str = "process web") -> Finding:
    return Finding(name, "process", "web", state, f"it is {state}")


def take(states: States, *found: str, repeat: float = 3600) -> None:
    for state in found:
        states.take([finding(state)], repeat)


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(Database(tmp_path / "agent.db"))


def told(states: States) -> list[str]:
    return [alert["state"] for _, alert in states.untold()]


def test_a_failure_is_told_once_and_so_is_its_end(states: States) -> None:
    take(states, "ok", "failed", "failed", "failed", "failed", "ok", "ok", "ok")
    assert told(states) == ["failed", "ok"]


def test_what_flaps_for_a_moment_wakes_nobody(states: States) -> None:
    take(states, "ok", *(["failed", "ok"] * 5))
    assert told(states) == []
    assert states.checks()[0]["state"] == "ok"


def test_a_lasting_failure_is_told_again_after_its_time(states: States) -> None:
    take(states, "ok", "failed", "failed")
    take(states, "failed", repeat=-1)
    assert told(states) == ["failed", "failed"]


def test_a_restart_of_the_agent_repeats_no_alert(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    first = States(Database(path))
    take(first, "ok", "failed", "failed")
    first.told([number for number, _ in first.untold()])
    second = States(Database(path))
    take(second, "failed", "failed", "failed")
    assert told(second) == []
    assert second.checks()[0]["state"] == "failed"


def test_a_check_that_is_no_more_is_forgotten(states: States) -> None:
    states.take([finding("ok"), finding("ok", "disk /")], 60)
    states.take([finding("ok")], 60)
    assert [check["name"] for check in states.checks()] == ["process web"]


def test_what_was_done_about_a_failure_is_written_down(states: States) -> None:
    states.act(finding("failed"), "restarted: green took over")
    assert states.alerts()[0]["action"] == "restarted: green took over"


def test_many_alerts_make_one_message_and_messages_are_few() -> None:
    alerts: Any = [
        {"time": 0.0, "check": f"process s{n}", "state": "failed", "message": "stopped", "action": ""}
        for n in range(50)
    ]
    subject, text = notifications.compose(alerts, "host1")
    assert subject == "[nuwa] host1: process s0 failed and 49 more"
    assert len(text.splitlines()) == 50
    allowance = notifications.Allowance()
    assert [allowance.take(3) for _ in range(5)] == [True, True, True, False, False]


def test_sockets_of_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert sd_notify.sockets() == {}


def test_every_path_lies_below_the_root() -> None:
    paths = Paths(Path("/root-of-a-test"))
    for name in dir(Paths):
        if isinstance(getattr(Paths, name), property):
            assert str(getattr(paths, name)).startswith("/root-of-a-test/")
