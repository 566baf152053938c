"""`nuwa check`: validate a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nuwa.cli import shared

if TYPE_CHECKING:
    from nuwa.manifest.model import App

app = shared.new_app()


@shared.command(app)
def check(
    directory: shared.Directory = Path(),
    family: shared.Family = None,
) -> None:
    """Validate nuwa.toml and report every error.

    It checks each value and the rules between values, that the image family offers the requested release and
    Python version, and that the files and folders which the manifest names are in the project.
    """
    made = shared.load_app(directory, family)
    warnings = _held_against(made, directory)
    platform, python = made.platform, made.image.python
    head = f"{directory / 'nuwa.toml'} is valid: {made.tag} on {platform.key} with Python {python}"
    lines = [head, *(["To check:", *(f"  {line}" for line in warnings)] if warnings else [])]
    shared.progress().result(
        {
            "ok": True,
            "app": made.name,
            "image": made.tag,
            "family": platform.key,
            "python": python,
            "check": warnings,
        },
        "\n".join(lines),
    )


def _held_against(made: App, directory: Path) -> list[str]:
    """Warnings about the project; anything that cannot work is an error.

    Raises:
        ManifestError: the manifest names something that does not exist.
    """
    from nuwa.detect.against import differences
    from nuwa.detect.tree import Tree
    from nuwa.errors import ManifestError, Problem
    from nuwa.manifest import load, positions
    from nuwa.manifest.problems import line_of

    file = directory / load.NAME
    places = positions.scan(file.read_text(encoding="utf-8"))
    found = [
        (
            item.certain,
            Problem(positions.dotted(item.path), item.message, line_of(item.path, places), item.hint),
        )
        for item in differences(made, Tree(directory))
    ]
    problems = [problem for certain, problem in found if certain]
    if problems:
        raise ManifestError(str(file), problems)
    return [problem.render(str(file)) for _, problem in found]
