"""`nuwa start`."""

from __future__ import annotations

from nuwa.cli import host_services, shared

app = shared.new_app()


@shared.command(app)
def start(names: host_services.Names) -> None:
    """Start services, and wait until they answer."""
    host_services.all_of("start", names)
