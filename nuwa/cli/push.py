"""`nuwa push`: the image into a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nuwa.architecture import chosen_or_own, foreign
from nuwa.cli import shared
from nuwa.errors import UsageError

app = shared.new_app()


@shared.command(app)
def push(
    destination: Annotated[
        str,
        typer.Argument(
            metavar="[REGISTRY/NAME]",
            help="Repository; default: deploy.registry of nuwa.toml.",
            show_default=False,
        ),
    ] = "",
    family: shared.Family = None,
    platform: shared.Platform = None,
    project: Annotated[
        Path, typer.Option("--project", help="The project's folder.", show_default="here")
    ] = Path(),
) -> None:
    """Build the image, push it to a registry (after podman login), and print its digest."""
    from nuwa.engine import Engine
    from nuwa.image.build import Options, build
    from nuwa.manifest import checks
    from nuwa.remote import registry

    made = shared.load_app(project, family)
    try:
        where = checks.registry_name(destination) if destination else made.deploy.registry
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not where:
        raise UsageError("no registry is given", hint=f"nuwa push registry.example.com/team/{made.name}")
    engine, progress = Engine.detect(), shared.progress()
    built = build(made, project, Options(architecture=foreign(platform)), engine, progress)
    with progress.step(f"push {where}") as step:
        tag = registry.tag(made.app.version, chosen_or_own(platform))
        pushed = registry.push(engine, built.id, f"{where}:{tag}")
        step.done(pushed)
    progress.result({"ok": True, "image": built.tag, "id": built.id, "reference": pushed}, pushed)
