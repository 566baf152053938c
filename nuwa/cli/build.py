"""`nuwa build`: a project's image, with the layers beneath it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nuwa.architecture import foreign
from nuwa.cli import builds, shared
from nuwa.errors import UsageError

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.image.built import Built
    from nuwa.manifest.model import App

app = shared.new_app()


@shared.command(app)
def build(
    directory: shared.Directory = Path(),
    family: shared.Family = None,
    release: Annotated[str, typer.Option(help="The release of the family.", show_default=False)] = "",
    version: Annotated[
        str, typer.Option("--tag", help="The image's tag, instead of the manifest's.", show_default=False)
    ] = "",
    base: Annotated[
        Literal["auto", "registry", "bootstrap"],
        typer.Option(help="Where the base distribution comes from; auto: the first of them that works."),
    ] = "auto",
    platform: shared.Platform = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Rebuild every layer.")] = False,
    show: Annotated[
        bool, typer.Option("--print", help="Print the Containerfiles and build nothing.")
    ] = False,
) -> None:
    """Build a project's image and the layers below it; layers that have not changed are not rebuilt."""
    progress = shared.progress()
    if show:
        files = _containerfiles(_app(directory, family, release, version), directory, foreign(platform))
        progress.result({"ok": True, "containerfiles": files}, _printed(files))
        return
    built = _built(directory, family, release, version, base, foreign(platform), no_cache, progress)
    progress.result(_data(built), _summary(built))


def _built(
    directory: Path,
    family: str | None,
    release: str,
    version: str,
    base: Literal["auto", "registry", "bootstrap"],
    architecture: str,
    fresh: bool,
    progress: Progress,
) -> Built:
    from nuwa.engine import Engine

    wanted = builds.Wanted(directory, family, release, version, base, architecture)

    def made() -> App:
        return _app(directory, family, release, version)

    return builds.built(wanted, wanted.memory(), made, Engine.detect, progress, fresh=fresh)


def _containerfiles(app: App, directory: Path, architecture: str) -> dict[str, str]:
    from nuwa.image.build import containerfiles

    return containerfiles(app, directory, architecture)


def _app(directory: Path, family: str | None, release: str, version: str) -> App:
    from nuwa.manifest import checks

    made = shared.load_app(directory, family, release or None)
    if not version:
        return made
    try:
        return dataclasses.replace(made, app=dataclasses.replace(made.app, version=checks.version(version)))
    except ValueError as error:
        raise UsageError(f"--tag: {error}") from None


def _printed(files: dict[str, str]) -> str:
    return "\n".join(f"# {name}\n\n{text.rstrip()}\n" for name, text in files.items()).rstrip()


def _data(built: Built) -> dict[str, object]:
    layers = [dataclasses.asdict(layer) for layer in built.layers]
    return {"ok": True, "image": built.tag, "id": built.id, "layers": layers, "seconds": built.seconds}


def _summary(built: Built) -> str:
    rows = [
        f"  {layer.name:<13}{'unchanged' if layer.cached else f'{layer.seconds:.1f} s':<11}{layer.tag}"
        for layer in built.layers
    ]
    head = f"{built.tag} ({built.id.removeprefix('sha256:')[:12]}) in {built.seconds:.1f} s"
    return "\n".join([head, *rows, f"Next: nuwa setup {built.tag} DIR"])
