"""`nuwa setup`: verify an image, then run its Setup label, as its RunSetup line does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared
from nuwa.errors import NuwaError, UsageError

if TYPE_CHECKING:
    from nuwa.engine import Engine
    from nuwa.image.inspection import Inspection

app = shared.new_app()


@shared.command(app)
def setup(
    image: Annotated[str, typer.Argument(help="The image's name or id.", show_default=False)],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The deployment's folder.", show_default="here")
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show everything, but write nothing.")] = False,
) -> None:
    """Verify an image and write its bin/ to a folder, as its Setup label does.

    Before it asks for confirmation, it shows the digest, the labels, the signature policy that applies, and
    what would be written. Then bash runs the label as it is, with BID set to the image.
    """
    from nuwa.cli.inspect import data, trust_rows
    from nuwa.engine import Engine
    from nuwa.image import inspection

    progress = shared.progress()
    engine = Engine.detect()
    found = inspection.inspect(engine, image)
    if found.setup is None:
        raise NuwaError(
            f"{image} has no Setup label", hint="Is it an app's image? nuwa inspect shows what it is."
        )
    changes = _changes(found, directory)
    for line in [*_identity(found), *trust_rows(found), *changes]:
        progress.note(line)
    result = {
        "ok": True,
        **data(found),
        "directory": str(directory),
        "changes": changes,
        "written": not dry_run,
    }
    if dry_run:
        progress.result(result, "Nothing was written.")
        return
    _ask(yes, directory)
    progress.result(result, _run(engine, found, directory))


def _identity(found: Inspection) -> list[str]:
    from nuwa.image.signatures import policy_for

    labels = found.image.labels
    named = found.image.names[0] if found.image.names else found.image.id
    shown = ("io.nuwa.app", "io.nuwa.family", "io.nuwa.python", "org.opencontainers.image.created")
    return [
        f"{named}",
        f"  id         {found.image.id}",
        f"  digest     {found.digest or 'none'}",
        *(f"  {name.rpartition('.')[2]:<11}{labels[name]}" for name in shown if name in labels),
        f"  signatures {policy_for(named)}",
    ]


def _changes(found: Inspection, directory: Path) -> list[str]:
    """What would happen to each file of the folder."""
    assert found.setup
    lines = []
    for name, content in found.setup.files.items():
        path = directory / name
        there = path.read_bytes() if path.is_file() else None
        how = "new" if there is None else "unchanged" if there == content else "changes"
        lines.append(f"  {how:<11}{path}")
    return [f"In {directory.resolve()}:", *lines]


def _ask(yes: bool, directory: Path) -> None:
    if yes:
        return
    if shared.settings.json or shared.settings.quiet or not sys.stdin.isatty():
        raise UsageError(
            "not a terminal",
            hint="Rerun with --yes to confirm, or with --dry-run to see what would be done.",
        )
    if not typer.confirm(f"Write bin/ to {directory.resolve()}?", err=True):
        raise NuwaError("nothing was written")


def _run(engine: Engine, found: Inspection, directory: Path) -> str:
    """Run the label and return its output."""
    from nuwa.process import run

    assert found.setup
    env = {**engine.env, "BID": found.image.id, "NUWA_DIR": str(directory), "SETUP_DRY_RUN": ""}
    done = run(["bash", "-s"], input=found.setup.script, env=env)
    return done.stdout.rstrip()
