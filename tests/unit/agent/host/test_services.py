"""systemd's properties in the words of `nuwa ls`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nuwa.agent.host import services
from nuwa.agent.host.deployment import Deployment


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


def test_of_replicas_one_that_is_down_is_told(tmp_path: Path) -> None:
    found = Deployment(tmp_path, "shop", replicas=2)
    service = services.Service("shop", "deployment", "blue", None, found)
    names = ("nuwa-shop-blue.service", "nuwa-shop-blue_2.service")
    assert service.serving == names
    assert service.units == (*names, "nuwa-shop-green.service", "nuwa-shop-green_2.service")
    up = {"ActiveState": "active", "NRestarts": "1"}
    down = {"ActiveState": "failed", "Result": "oom-kill", "NRestarts": "2"}
    both = dict.fromkeys(names, up)
    assert services.row(service, both)["result"] == ""
    assert services.worst(service, both) == {**up, "NRestarts": "2"}
    one = {names[0]: up, names[1]: down}
    assert services.row(service, one)["result"] == "1 of 2 replicas run"
    assert services.worst(service, one) == {**down, "NRestarts": "3"}


def test_replicas_run_as_long_as_one_does_whichever_it_is(tmp_path: Path) -> None:
    service = services.Service("shop", "deployment", "blue", None, Deployment(tmp_path, "shop", replicas=2))
    down = {"ActiveState": "failed", "Result": "oom-kill", "NRestarts": "2"}
    up = {"ActiveState": "active", "NRestarts": "1", "MainPID": "7"}
    row = services.row(service, dict(zip(service.serving, (down, up), strict=True)))
    assert (row["status"], row["result"], row["pid"], row["restarts"]) == (
        "running",
        "1 of 2 replicas run",
        7,
        3,
    )
    row = services.row(service, dict.fromkeys(service.serving, down))
    assert (row["status"], row["result"], row["restarts"]) == ("stopped", "oom-kill", 4)
