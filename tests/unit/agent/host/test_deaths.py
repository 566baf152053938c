"""Why a service ended, out of the journal."""

from __future__ import annotations

from typing import Any

import pytest

from nuwa.agent.host import deaths
from nuwa.agent.host.services import Service

ID = "4b" * 32
OOM = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=libpod-{ID},task=python,pid=7"


KILLED = {"MESSAGE": "x: Main process exited, code=killed, status=9/KILL"}
EXITED = {"MESSAGE": "x: Main process exited, code=exited, status=3/NOTIMPLEMENTED"}
KERNEL = {"_TRANSPORT": "kernel", "MESSAGE": OOM}


def podman(event: str, **fields: str) -> dict[str, Any]:
    return {"PODMAN_EVENT": event, "PODMAN_ID": ID, **fields}


def died(code: int) -> dict[str, Any]:
    return podman("died", PODMAN_EXIT_CODE=str(code))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], ""),
        ([KILLED], "killed by signal 9"),
        ([EXITED, {"MESSAGE": "x: Failed with result 'exit-code'."}], "exit code 3"),
        ([KILLED, {"MESSAGE": "x: Failed with result 'oom-kill'."}], "killed for memory"),
        ([died(1), EXITED], "exit code 1"),
        ([KERNEL, died(137)], "killed for memory"),
        ([{**KERNEL, "MESSAGE": OOM.replace("4b", "77")}, died(137)], "exit code 137 (killed)"),
        ([podman("health_status", PODMAN_HEALTH_STATUS="unhealthy"), died(137)],
         "its health check failed, exit code 137"),
    ],
)  # fmt: skip
def test_the_reason(entries, reason):
    assert deaths.explain(entries) == reason


def test_only_roots_words_about_podman_count_and_only_about_this_service():
    matches = deaths._matches(Service("web", "process", "blue"))
    assert matches == ["_PID=1", "UNIT=nuwa@web-blue.service", "UNIT=nuwa@web-green.service"]
