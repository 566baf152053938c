"""`nuwa check`: validate a manifest."""

from __future__ import annotations

from pathlib import Path

from nuwa.cli import shared

app = shared.new_app()


@shared.command(app)
def check(
    directory: shared.Directory = Path(),
    family: shared.Family = None,
) -> None:
    """Validate nuwa.toml and say everything that is wrong with it.

    Besides each value, it checks what values have to do with each other, and that the family of images
    offers the release and the Python version that are asked for.
    """
    made = shared.load_app(directory, family)
    platform, python = made.platform, made.image.python
    shared.progress().result(
        {"ok": True, "app": made.name, "image": made.tag, "family": platform.key, "python": python},
        f"{directory / 'nuwa.toml'} is valid: {made.tag} on {platform.key} with Python {python}",
    )
