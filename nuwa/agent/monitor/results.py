"""The results of checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nuwa.agent.host import services
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service
from nuwa.agent.host.systemctl import Properties

DAY_S = 86400.0
STEADY_S = 120.0
"""Seconds for which a process must run after a restart to count as ok: one that keeps crashing stays failed
in between."""
SETTLED_S = 600.0
"""Seconds for which a process must run after a restart before systemd's restart delay is reset."""


@dataclass(frozen=True)
class Finding:
    """The result of a check: `ok`, `warning`, `failed`, or `unknown`.

    Args:
        name: the permanent name of the check: `process web`.
    """

    name: str
    kind: str
    service: str
    state: str
    message: str


def process(
    service: Service, properties: Properties, restarts_before: int | None, now: float = 0.0
) -> Finding:
    """Whether a service is running; after a restart it has to run for a while before it is ok again.

    Args:
        restarts_before: systemd's count of restarts at the last check.
        now: seconds of the monotonic clock.
    """
    status, result = services.status(properties), services.result(properties)
    restarts = int(properties.get("NRestarts") or 0)
    state, message = "ok", status
    if restarts_before is not None and restarts > restarts_before:
        state, message = "failed", f"stopped and was restarted ({restarts} times so far): {result or status}"
    elif status == "stopped" and result:
        state, message = "failed", f"stopped: {result}"
    elif status == "stopped":
        message = "stopped deliberately"
    elif status == "unstarted":
        state, message = "unknown", "was not started yet"
    elif restarts and not _runs_for(properties, now, STEADY_S):
        state, message = "unknown", f"{status} again, after {restarts} restarts"
    return Finding(f"process {service.name}", "process", service.name, state, message)


def has_settled(properties: Properties, now: float) -> bool:
    """Whether a process that was restarted has run well for so long that its next death counts as the first.

    Args:
        now: of the clock that never jumps, in seconds.
    """
    return int(properties.get("NRestarts") or 0) > 0 and _runs_for(properties, now, SETTLED_S)


def _runs_for(properties: Properties, now: float, seconds: float) -> bool:
    since = int(properties.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return services.status(properties) == "running" and now - since > seconds


def answer(service: Service, fault: str, failures: int, allowed: int) -> Finding:
    """Whether a service answers at its port.

    Args:
        failures: how often in a row it did not.
        allowed: after how many that counts.
    """
    state = "ok" if not fault else "failed" if failures >= allowed else "warning"
    return Finding(f"answer {service.name}", "process", service.name, state, fault or "answers")


def disk(path: str, used_percent: float, limit: int) -> Finding:
    """Whether a disk has room."""
    state = "failed" if used_percent >= limit else "warning" if used_percent >= limit - 5 else "ok"
    return Finding(f"disk {path}", "disk", "", state, f"{used_percent:.0f} % used")


def backup(service: str, deployment: Deployment, now: float, hours: int) -> Finding:
    """Whether the last archive of a deployment succeeded and is recent enough."""
    name, last = f"backup {service}", deployment.last_archive
    if last is None:
        return Finding(name, "backup", service, "failed", "there is no archive yet")
    age = (now - last.time) / 3600
    if not last.ok:
        return Finding(name, "backup", service, "failed", f"the last archive failed: {last.outcome}")
    state = "failed" if age > hours else "ok"
    return Finding(name, "backup", service, state, f"the last archive is {age:.0f} h old")


def rehearsal(service: str, deployment: Deployment) -> Finding:
    """Whether the last rehearsal of a deployment succeeded."""
    last = deployment.last_rehearsal
    is_fault = last is not None and not last.ok
    message = (
        f"the last rehearsal failed: {last.outcome}" if last and is_fault else "the last rehearsal succeeded"
    )
    return Finding(f"rehearsal {service}", "rehearsal", service, "failed" if is_fault else "ok", message)


def certificate(
    host: str, service: str, end: float | None, on_disk: float | None, now: float, days: int
) -> Finding:
    """Whether the certificate served for a host is valid for long enough, and the newest one.

    Args:
        end: when the served one expires; None if none is served.
        on_disk: when the one in certbot's folder expires.
    """
    name = f"certificate {host}"
    if end is None:
        return Finding(name, "certificate", service, "failed", "no certificate is served")
    left = (end - now) / DAY_S
    if on_disk is not None and on_disk - end > DAY_S:
        message = f"a newer certificate is on disk, but the one that is served expires in {left:.0f} days"
        return Finding(name, "certificate", service, "failed", message)
    state = "failed" if left < days else "ok"
    return Finding(name, "certificate", service, state, f"expires in {left:.0f} days")


def site(url: str, status: int | None, fault: str, expected: int, found_text: bool) -> Finding:
    """Whether a page has the expected status and text.

    Args:
        fault: why there was no answer at all.
    """
    if status is None:
        state, message = "failed", fault
    elif status != expected:
        state, message = "failed", f"answered {status} instead of {expected}"
    elif not found_text:
        state, message = "failed", "the expected text is missing"
    else:
        state, message = "ok", f"answered {status}"
    return Finding(f"site {url}", "site", "", state, message)
