"""monit restarts what is stopped; a mark tells `bin/lib/recover`, which it calls, to leave it stopped."""

from __future__ import annotations

from pathlib import Path

from nuwa.agent.host.services import Service


def leave_alone(service: Service) -> None:
    """Have monit ignore a deployment until somebody starts it or the host boots."""
    if service.deployment:
        mark = Path(service.deployment.names.stopped_mark)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def watch(service: Service) -> None:
    """Have monit watch a deployment again."""
    if service.deployment:
        Path(service.deployment.names.stopped_mark).unlink(missing_ok=True)
