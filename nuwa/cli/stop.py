"""`nuwa stop`."""

from __future__ import annotations

from nuwa.cli import host_services, shared

app = shared.new_app()


@shared.command(app)
def stop(names: host_services.Names) -> None:
    """Stop services. They stay off until they are started, or the host is."""
    host_services.all_of("stop", names)
