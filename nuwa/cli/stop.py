"""`nuwa stop`."""

from __future__ import annotations

from nuwa.cli import host_services, shared

app = shared.new_app()


@shared.command(app)
def stop(names: host_services.Names) -> None:
    """Stop services. They stay stopped until you start them, or the host boots."""
    host_services.all_of("stop", names)
