"""What alerts are about, and what to do about them. Pure."""

from __future__ import annotations

import re

from nuwa.agent.monitor.results import Finding

CRASHES = 3
"""Restarts after which a process counts as crashing repeatedly."""
_MEMORY = re.compile(r"\boom\b|out of memory", re.IGNORECASE)
_RESTARTS = re.compile(r"was restarted \((\d{1,9}) times so far\)")
_OF_KIND = {
    "site": "site",
    "certificate": "certificate",
    "disk": "disk",
    "backup": "backup",
    "rehearsal": "rehearsal",
    "channel": "channel",
    "hook": "hook",
}


def event_of(finding: Finding) -> str:
    """The event that a finding belongs to, as `events` of a channel names it."""
    if finding.kind == "deploy":
        return "rollback" if "The previous release" in finding.message else "deploy"
    if finding.kind != "process":
        return _OF_KIND.get(finding.kind, "process")
    if _MEMORY.search(finding.message):
        return "memory"
    restarts = _RESTARTS.search(finding.message)
    is_loop = "start-limit" in finding.message or (restarts and int(restarts[1]) >= CRASHES)
    return "crash" if is_loop else "process"


def advice(event: str, service: str, state: str) -> str:
    """What to do, in one sentence; empty when nothing is to be done."""
    if state == "ok":
        return ""
    name = service or "ci"
    return {
        "process": f"Read its log: nuwa log {name} --since -1h",
        "crash": f"It keeps crashing. Read its log: nuwa log {name} --since -1h",
        "memory": f"Raise its memory limit, or see when its memory grew: nuwa stats {name}",
        "deploy": "Run bin/status in its folder; volumes/.nuwa/nuwa.log shows what the deploy did.",
        "rollback": "Run bin/status in its folder; volumes/.nuwa/nuwa.log shows why.",
        "backup": "Run bin/archive_volumes in its folder, and read its errors.",
        "rehearsal": "Run bin/archive_volumes --rehearse in its folder, and read its errors.",
        "certificate": "Run bin/install in the deployment's folder: it requests a certificate again.",
        "disk": "Free space: podman image prune, journalctl --vacuum-size=1G",
        "channel": "Correct its url in the configuration, then: nuwa alert test CHANNEL",
        "site": "Open the page; nuwa monitor shows since when it fails.",
        "hook": "nuwa hooks show RUN shows each command with its output.",
    }.get(event, "")
