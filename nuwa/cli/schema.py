"""`nuwa schema`: the JSON Schema of the manifest, for editors."""

from __future__ import annotations

import sys

from nuwa.cli import shared

app = shared.new_app()


@shared.command(app)
def schema() -> None:
    """Print the JSON Schema of nuwa.toml, for editors and other tools."""
    from nuwa.manifest.schema import text

    sys.stdout.write(text())
