"""systemd's properties in the words of `nuwa ls`."""

from __future__ import annotations

import time

import pytest

from nuwa.agent.host import services


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
