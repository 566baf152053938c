"""Holds a new pod back until the release hook's Job has succeeded, according to the cluster's API.

The pod's token may read that one Job and nothing else, and only this container has it.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nuwa.names import CLUSTER_API_PORTS

PAUSE_S = 3.0
TIMEOUT_S = 10
SAID_EVERY_S = 60


def main(words: Sequence[str]) -> None:
    """`wait-for-release JOB FOLDER [SECONDS]`: returns once the Job has succeeded, exits with 1 otherwise.

    The folder holds token, ca.crt and namespace. SECONDS limits the wait. In a Deployment, kubelet restarts
    the container after a failure, so a Job that was fixed is noticed.
    """
    job, folder = words[0], Path(words[1])
    limit_s = float(words[2]) if len(words) > 2 else math.inf
    failure = wait(lambda: _job(job, folder), job, limit_s)
    if failure:
        sys.exit(f"wait-for-release: {failure}")


def wait(
    ask: Callable[[], Any],
    job: str,
    limit_s: float = math.inf,
    *,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Poll until the Job has ended. Returns why the pod may not start; None if the Job has succeeded.

    Args:
        ask: returns the Job as the API does, or raises OSError, HTTPException or ValueError.
        limit_s: seconds after which to give up.
        pause: sleeps for the given seconds.
        clock: returns the time in seconds.
    """
    said, seconds, end = "", 0.0, clock() + limit_s
    while True:
        try:
            state, ended = _state(ask(), job)
        except (OSError, http.client.HTTPException, ValueError) as error:
            state, ended = _no_answer(error), False
        if ended:
            return state or None
        if clock() >= end:
            return f"given up after {limit_s:g} seconds: {state}"
        if state != said or seconds >= SAID_EVERY_S:
            sys.stderr.write(f"wait-for-release: {state}\n")
            sys.stderr.flush()
            said, seconds = state, 0.0
        pause(PAUSE_S)
        seconds += PAUSE_S


def _no_answer(error: Exception) -> str:
    ports = " and ".join(map(str, CLUSTER_API_PORTS))
    return (
        f"the cluster's API does not answer: {error}. The NetworkPolicy lets pods out to ports {ports}; "
        "kubectl get endpointslices -n default -l kubernetes.io/service-name=kubernetes shows the API's own: "
        "let pods out to another one by a patch of the NetworkPolicy, as overlays/production shows"
    )


def _state(answer: Any, job: str) -> tuple[str, bool]:
    """A sentence about a Job, empty if it succeeded; and whether it has ended."""
    if answer.get("kind") != "Job":
        return f"the Job {job} cannot be read: {answer.get('message', 'no reason given')}", False
    status = answer.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "SuccessCriteriaMet"):
            return "", True
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            return f"the release hook failed: see kubectl logs job/{job}", True
    return f"the Job {job} has not finished yet", False


def _job(name: str, folder: Path) -> Any:
    """The Job, or the API's error message about it."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    namespace, token = ((folder / file).read_text().strip() for file in ("namespace", "token"))
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        connection.request("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}", headers=headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
