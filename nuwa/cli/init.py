"""`nuwa init`: write the manifest of a project."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared
from nuwa.errors import NuwaError
from nuwa.manifest.model import Kind

if TYPE_CHECKING:
    from nuwa.detect.model import Project

app = shared.new_app()


@shared.command(app)
def init(
    directory: shared.Directory = Path(),
    module: Annotated[str, typer.Option(help="The application, as module:object.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="The server.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="The app's name.")] = "",
    family: shared.Family = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing nuwa.toml.")] = False,
) -> None:
    """Write an annotated nuwa.toml for a project.

    It reads the project's files, without running any of them, to determine the framework (Django, Flask or
    FastAPI), the requirements, the Python version and the static files. You fill in what it cannot determine.
    """
    from nuwa.manifest.load import NAME

    target = directory / NAME
    if not directory.is_dir():
        raise NuwaError(f"there is no folder {directory}", hint="Name the project's folder: nuwa init DIR")
    if target.exists() and not force:
        raise NuwaError(f"{target} already exists", hint="--force replaces it.")
    project = _project(directory, module, kind, name, family)
    text = _valid(project, family, target)
    target.write_text(text, encoding="utf-8")
    lines = [f"Wrote {target} for {project.name}.", *(f"  {line}" for line in project.found)]
    lines += ["To check:", *(f"  {line}" for line in project.check)] if project.check else []
    shared.progress().result(
        {
            "ok": True,
            "file": str(target),
            "app": project.name,
            "found": project.found,
            "check": project.check,
        },
        "\n".join([*lines, "Next: review it, then run nuwa build."]),
    )


def _project(directory: Path, module: str, kind: str | None, name: str, family: str | None) -> Project:
    """What was recognised, overridden by the options."""
    from nuwa.detect.detect import detect
    from nuwa.detect.model import Web
    from nuwa.image import families
    from nuwa.manifest import load

    offer = families.load(family or str(load.default("image", "family")))
    project = detect(directory, offer.pythons(offer.releases[0]), offer.name)
    web = project.web
    if module:
        web = dataclasses.replace(web, module=module) if web else Web("", module, kind="gunicorn", found="")
    if project.elsewhere and not module:
        raise NuwaError(
            f"the application is not in {directory.resolve()}, but in {', '.join(project.elsewhere)}",
            hint=f"Write the manifest there: nuwa init {directory / project.elsewhere[0]}",
        )
    if web is None:
        raise NuwaError(
            f"no Django, Flask or FastAPI application was recognised in {directory.resolve()}",
            hint="Name it: nuwa init --module package.module:object (with --kind uvicorn for ASGI).",
        )
    kind = kind or web.kind
    web = dataclasses.replace(web, kind=kind, websocket=web.websocket and kind != "mod_wsgi")
    return dataclasses.replace(project, web=web, name=name or project.name)


def _valid(project: Project, family: str | None, target: Path) -> str:
    """The manifest's text, validated, since values of options may be wrong."""
    import tomllib

    from nuwa.detect import annotated_manifest
    from nuwa.manifest import load, positions

    text = annotated_manifest.text(project, family=family or "")
    load.validate(tomllib.loads(text), str(target), positions.scan(text))
    return text
