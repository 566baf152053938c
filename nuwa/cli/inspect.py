"""`nuwa inspect`: what an image contains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nuwa.cli import shared

if TYPE_CHECKING:
    from nuwa.engine import Image
    from nuwa.image.inspection import Inspection
    from nuwa.image.packages import Package

app = shared.new_app()


@shared.command(app)
def inspect(
    image: Annotated[str, typer.Argument(help="The image's name or id.", show_default=False)],
    script: Annotated[bool, typer.Option("--script", help="Print only the Setup label.")] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="List the distribution's packages too, the largest first.")
    ] = False,
) -> None:
    """Show what an image contains: layers, sizes, services, labels, what Setup would write.

    Nothing in the image is run, except its own rpm or dpkg for --packages, without a network.
    """
    from nuwa.engine import Engine
    from nuwa.image import inspection
    from nuwa.image.packages import installed

    progress = shared.progress()
    engine = Engine.detect()
    found = inspection.inspect(engine, image)
    listed = installed(engine, found.image) if packages else None
    text = found.setup.script if script and found.setup else "\n".join([*rows(found), *package_rows(listed)])
    progress.result({"ok": True, **data(found), **package_data(listed)}, text)


def package_rows(packages: Sequence[Package] | None) -> list[str]:
    """The packages with their sizes, for a person."""
    if packages is None:
        return []
    total = sum(package.size for package in packages)
    rows = [f"  {megabytes(package.size):>10}  {package.name} {package.version}" for package in packages]
    return [f"Packages: {len(packages)}, {megabytes(total)} as installed", *rows]


def package_data(packages: Sequence[Package] | None) -> dict[str, object]:
    """The packages, for a program; without the key if they were not requested."""
    return {} if packages is None else {"packages": [vars(package) for package in packages]}


def rows(found: Inspection) -> list[str]:
    """The description of an image, for a person."""
    image = found.image
    lines = [*(image.names or ("(no name)",)), f"  {'id':<10}{image.id}", f"  {'digest':<10}{found.digest}"]
    lines += [f"  {'platform':<10}{platform(image)}", f"  {'size':<10}{megabytes(image.size)}"]
    lines += ["Layers", *(f"  {megabytes(layer.size):>10}  {layer.name or '-'}" for layer in found.layers)]
    services = found.services.items()
    lines += ["Services", *(f"  {name:<18}{what}" for name, what in services)] if services else []
    lines += ["Labels", *(f"  {name:<34}{_short(value)}" for name, value in sorted(image.labels.items()))]
    return lines + _setup_rows(found)


def _setup_rows(found: Inspection) -> list[str]:
    if found.setup is None:
        return ["Setup", "  none: this is not an app's image"]
    files = [f"  {name:<18}{len(content):>7} bytes" for name, content in found.setup.files.items()]
    return ["Setup would write", *files, *trust_rows(found)]


def trust_rows(found: Inspection) -> list[str]:
    """Whether its Setup label is the one that nuwa makes from its manifest."""
    from nuwa import __version__

    setup = found.setup
    if setup is None:
        return []
    lines = [f"  Setup is {len(setup.script.encode())} bytes, sha256 {setup.sha256}"]
    if not setup.genuine:
        lines.append(
            f"  It is not the script that nuwa {__version__} makes. Review it: nuwa inspect --script IMAGE"
        )
    if found.changed_scripts:
        lines.append(f"  Different from what nuwa {__version__} writes: {', '.join(found.changed_scripts)}.")
    return lines if len(lines) > 1 else [*lines, f"  All of it is what nuwa {__version__} writes."]


def data(found: Inspection) -> dict[str, object]:
    """The description of an image, for a program."""
    setup = found.setup
    return {
        "id": found.image.id,
        "names": found.image.names,
        "digest": found.digest,
        "platform": platform(found.image),
        "size": found.image.size,
        "layers": [vars(layer) for layer in found.layers],
        "services": found.services,
        "labels": dict(found.image.labels),
        "setup": setup
        and {
            "bytes": len(setup.script.encode()),
            "sha256": setup.sha256,
            "genuine": setup.genuine,
            "files": {name: len(content) for name, content in setup.files.items()},
            "changed": found.changed_scripts,
        },
    }


def platform(image: Image) -> str:
    """What the image is for, as `nuwa build --platform` takes it."""
    return f"{image.data.get('Os') or 'linux'}/{image.architecture}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _short(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= 72 else f"{text[:60]}… ({len(value.encode())} bytes)"
