"""`nuwa restart`."""

from __future__ import annotations

from nuwa.cli import host_services, shared

app = shared.new_app()


@shared.command(app)
def restart(names: host_services.Names) -> None:
    """Restart services: without downtime if two instances can run; nginx without losing a request."""
    host_services.all_of("restart", names)
