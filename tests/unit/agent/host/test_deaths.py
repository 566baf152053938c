"""When and why a service ended, out of the journal."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.host import deaths
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service

ID = "4b" * 32
OOM = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=libpod-{ID},task=python,pid=7"

WEB = Service("web", "deployment", "blue", None, Deployment(Path("/srv/web"), "web"))
UNIT = "nuwa-web-blue.service"


def systemd(text: str, kind: str = "") -> dict[str, Any]:
    return {"UNIT": UNIT, "MESSAGE": f"{UNIT}: {text}", "MESSAGE_ID": kind}


KILLED = systemd("Main process exited, code=killed, status=9/KILL")
EXITED = systemd("Main process exited, code=exited, status=3/NOTIMPLEMENTED")
FAILED = systemd("Failed with result 'exit-code'.")
AGAIN = systemd("Scheduled restart job, restart counter is at 1.")
STOPPING = systemd("Stopping web...", deaths._STOPPING)
STARTED = systemd("Started web.", deaths._STARTS[1])
KERNEL = {"_TRANSPORT": "kernel", "MESSAGE": OOM}


def podman(event: str, **fields: str) -> dict[str, Any]:
    return {"PODMAN_EVENT": event, "PODMAN_ID": ID, "PODMAN_NAME": "nuwa-web-blue", **fields}


def died(code: int) -> dict[str, Any]:
    return podman("died", PODMAN_EXIT_CODE=str(code))


def ends(*entries: dict[str, Any]) -> list[deaths.End]:
    timed = [{**entry, "__MONOTONIC_TIMESTAMP": str(at)} for at, entry in zip(count(1), entries)]
    return deaths.parse(timed, [WEB]).get("web", [])


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], ""),
        ([KILLED], "killed by signal 9"),
        ([EXITED, FAILED], "exit code 3"),
        ([KILLED, systemd("Failed with result 'oom-kill'.")], "out of memory"),
        ([died(1), EXITED], "exit code 1"),
        ([KERNEL, died(137)], "out of memory"),
        ([{**KERNEL, "MESSAGE": OOM.replace("4b", "77")}, died(137)], "exit code 137 (killed)"),
        ([podman("health_status", PODMAN_HEALTH_STATUS="unhealthy"), died(137)],
         "its health check failed, exit code 137"),
        ([systemd("Main process exited, code=exited, status=137/n/a"), FAILED], "exit code 137 (killed)"),
    ],
)  # fmt: skip
def test_the_reason(entries, reason):
    (end,) = ends(*entries, AGAIN)
    assert end.reason == reason
    assert end.is_restarted


def test_a_health_check_that_failed_long_before_is_not_the_reason():
    sick = podman("health_status", PODMAN_HEALTH_STATUS="unhealthy")
    later = {**died(137), "__MONOTONIC_TIMESTAMP": str(60 * 10**6)}
    (end,) = deaths.parse([sick, later, {**AGAIN, "__MONOTONIC_TIMESTAMP": "60000001"}], [WEB])["web"]
    assert end.reason == "exit code 137 (killed)"


def test_each_end_is_told_with_its_own_reason():
    found = ends(died(1), EXITED, FAILED, AGAIN, STARTED, KILLED, AGAIN, STARTED, EXITED, FAILED)
    assert [(end.at, end.reason, end.is_restarted) for end in found] == [
        (3, "exit code 1", True),
        (7, "killed by signal 9", True),
        (10, "exit code 3", False),
    ]


def test_what_was_stopped_on_request_has_not_died():
    assert ends(STARTED, STOPPING, died(143), EXITED, FAILED, STARTED) == []
    assert [end.at for end in ends(STOPPING, EXITED, FAILED, STARTED, EXITED, FAILED)] == [6]


def test_an_end_is_the_same_before_and_after_systemds_word_that_it_restarts():
    before, after = ends(EXITED, FAILED), ends(EXITED, FAILED, AGAIN)
    assert [end.at for end in before] == [end.at for end in after] == [2]


def test_other_services_do_not_matter():
    assert ends({**AGAIN, "UNIT": "other.service"}, {**died(1), "PODMAN_NAME": "nuwa-other-blue"}) == []


def test_only_roots_words_about_podman_count_and_only_about_this_service():
    matches = deaths._matches([Service("web", "process", "blue")])
    assert matches == ["_PID=1", "UNIT=nuwa@web-blue.service", "UNIT=nuwa@web-green.service"]


def test_many_services_are_not_named_one_by_one():
    many = [Service(f"web{number}", "process", "blue") for number in range(500)]
    assert deaths._matches(many) == ["_PID=1"]
