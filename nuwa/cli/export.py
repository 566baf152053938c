"""`nuwa export`: an image for another way to run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuwa.cli import shared
from nuwa.errors import NuwaError, UsageError
from nuwa.kubernetes.command import HELP
from nuwa.kubernetes.options import Options

if TYPE_CHECKING:
    from nuwa.console import Progress
    from nuwa.engine import Image
    from nuwa.manifest.model import App

app = shared.new_app(help="Export an image for another platform.")


@app.callback()
def group() -> None:
    """An image for another way to run it."""


def _option(name: str, **more: Any) -> Any:
    return typer.Option(f"--{name.replace('_', '-')}", help=HELP[name], show_default=False, **more)


@shared.command(app)
def kubernetes(
    source: Annotated[
        str,
        typer.Argument(metavar="DIR|IMAGE", help="A project's folder or an image.", show_default="here"),
    ] = ".",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write a kustomize base, and an overlay to start from, to this folder.", show_default=False
        ),
    ] = None,
    diff: Annotated[
        Path | None,
        typer.Option(help="Show the differences from an earlier export.", metavar="OLD", show_default=False),
    ] = None,
    image: Annotated[str, _option("image")] = "",
    domain: Annotated[list[str] | None, _option("domain")] = None,
    replicas: Annotated[int | None, _option("replicas")] = None,
    ingress: Annotated[bool, _option("ingress")] = False,
    ingress_class: Annotated[str, _option("ingress_class")] = "",
    gateway: Annotated[str, _option("gateway")] = "",
    gateway_class: Annotated[str, _option("gateway_class")] = Options.gateway_class,
    gateway_namespace: Annotated[str, _option("gateway_namespace")] = "",
    issuer: Annotated[str, _option("issuer")] = Options.issuer,
    storage_class: Annotated[str, _option("storage_class")] = "",
    secrets_from: Annotated[Path | None, _option("secrets_from")] = None,
    podman: Annotated[bool, _option("podman")] = False,
) -> None:
    """Print an image as Kubernetes objects, or write them as a kustomize base.

    Secrets in [env] generated that --secrets-from lacks are generated and added to it, so that the next
    export finds them. Without --secrets-from, no secret has a value.
    """
    from nuwa.kubernetes import kustomize, storage

    if output and diff:
        raise UsageError("--output and --diff cannot be combined", hint="Use one of them.")
    progress = shared.progress()
    found, made = _app_of(source)
    before = _earlier(output / kustomize.BASE) if output else _read(diff) if diff else []
    chosen = Options(
        image=image or (found.id if podman else _digest(found)),
        domains=tuple(domain or ()),
        replicas=replicas,
        ingress=ingress,
        ingress_class=ingress_class,
        gateway=gateway,
        gateway_class=gateway_class,
        gateway_namespace=gateway_namespace,
        issuer=issuer,
        storage_class=storage_class,
        secrets=_secrets(made, secrets_from, storage.values_of(before), progress),
        podman=podman,
    )
    objects, notes = _rendered(made, chosen)
    for note in notes:
        progress.note(note)
    what, text = _delivered(made, objects, before, output, is_diff=diff is not None)
    progress.result({"ok": True, "app": made.name, "image": chosen.image, "notes": notes, **what}, text)


def _rendered(made: App, chosen: Options) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects, and notes for the reader."""
    from nuwa.kubernetes.options import ExportError
    from nuwa.kubernetes.render import render

    try:
        return render(made, chosen)
    except ExportError as error:
        raise NuwaError(str(error)) from None


def _delivered(
    made: App,
    objects: list[dict[str, Any]],
    before: list[dict[str, Any]],
    output: Path | None,
    *,
    is_diff: bool,
) -> tuple[dict[str, Any], str]:
    """Write the objects, compare them with those of an earlier export, or show them: as JSON and as text."""
    from nuwa.kubernetes import diff
    from nuwa.kubernetes.yaml_text import write

    if output:
        files = _write(output, made, objects, before)
        return {"files": files}, "\n".join(files)
    if is_diff:
        lines = list(diff.compare(before, objects))
        return {"diff": lines}, "\n".join(lines) or "Nothing would change."
    return {"objects": objects}, write(objects).removesuffix("\n")


def _app_of(source: str) -> tuple[Image, App]:
    """The image and the manifest that it was built from."""
    from nuwa.engine import Engine
    from nuwa.image import inspection

    reference = shared.load_app(Path(source)).tag if Path(source).is_dir() else source
    found = inspection.inspect(Engine.detect(), reference)
    if found.app is None:
        raise NuwaError(f"{reference} is not an app's image", hint="nuwa inspect shows what it is.")
    return found.image, found.app


def _digest(image: Image) -> str:
    """The name by which a cluster pulls the image: the one in a registry, if it has one."""
    names: list[str] = image.data.get("RepoDigests") or []
    return next((name for name in names if not name.startswith("localhost/")), next(iter(names), ""))


def _secrets(
    made: App, source: Path | None, earlier: dict[str, bytes], progress: Progress
) -> dict[str, bytes]:
    """The values of a source and, where it has none, of an earlier export.

    Values of an earlier export are not generated again: a new key would end every session.
    """
    from nuwa.kubernetes import secret_values
    from nuwa.kubernetes.options import ExportError

    if source is None:
        return earlier
    try:
        wanted = [name for name in made.env.generated if name not in earlier]
        for name in secret_values.keep_generated(source, wanted):
            progress.note(f"generated {name} and stored it in {source}")
        return {**earlier, **secret_values.read(source)}
    except (OSError, ExportError) as error:
        raise NuwaError(f"the secrets cannot be read: {error}") from None


def _read(old: Path) -> list[dict[str, Any]]:
    """The objects of an earlier export: its folder, or a file of YAML."""
    from nuwa.kubernetes import kustomize
    from nuwa.kubernetes.yaml_text import read

    if not old.exists():
        raise NuwaError(f"{old} does not exist", hint="Name the folder or the file of an earlier export.")
    folder = old / kustomize.BASE if (old / kustomize.BASE).is_dir() else old
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]
    found = []
    for file in files:
        try:
            found += read(file.read_text()) if file.name != kustomize.KUSTOMIZATION else []
        except (ValueError, OSError) as error:
            raise NuwaError(f"{file} is not of an earlier export: {error}", hint="Name another.") from None
    return found


def _write(
    folder: Path, made: App, objects: list[dict[str, Any]], earlier: list[dict[str, Any]]
) -> list[str]:
    """Write base and overlay, and remove obsolete files of an earlier export. The overlay is written once."""
    from nuwa import files
    from nuwa.kubernetes import kustomize

    base, wanted = folder / kustomize.BASE, kustomize.base(objects)
    listed = {f"{item['kind'].lower()}.yaml" for item in earlier}
    for name in listed - set(wanted):
        (base / name).unlink(missing_ok=True)
    for name, text in wanted.items():
        files.write(base / name, text, mode=0o600 if name == "secret.yaml" else 0o644)
    overlay = folder / kustomize.OVERLAY / kustomize.KUSTOMIZATION
    if not overlay.exists():
        claims = [item["metadata"]["name"] for item in objects if item["kind"] == "PersistentVolumeClaim"]
        files.write(overlay, kustomize.overlay(made.name, claims))
    return [*(str(base / name) for name in wanted), str(overlay)]


def _earlier(base: Path) -> list[dict[str, Any]]:
    return _read(base) if base.is_dir() else []
