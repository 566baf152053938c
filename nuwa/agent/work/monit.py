"""monit revives what it finds stopped; this tells it what was stopped on purpose."""

from __future__ import annotations

import shutil

from nuwa.agent.services import Service
from nuwa.process import run


def leave_alone(service: Service) -> None:
    """Let monit look away from a deployment."""
    _tell("unmonitor", service)


def watch(service: Service) -> None:
    """Let monit look after a deployment again."""
    _tell("monitor", service)


def _tell(what: str, service: Service) -> None:
    # A host without monit, and a deployment that it has no check for, have nobody to tell.
    if service.deployment and shutil.which("monit"):
        run(["monit", what, service.deployment.names.site], check=False, timeout=20)
