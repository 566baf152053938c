"""The image that lab hosts are made from."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from nuwa.console import Progress
from nuwa.engine import Engine
from nuwa.errors import CommandError, LabError
from nuwa.image import apt, bootstrap
from nuwa.lock import in_turn
from nuwa.names import LABEL_INPUTS, REGISTRY, Platform
from nuwa.resources import IMAGES

NAME = f"{REGISTRY}/nuwa/lab:13"
PLATFORM = Platform("debian", "13")
CODENAME = "trixie"
CONTEXT = IMAGES / "lab"


def ensure(engine: Engine, progress: Progress) -> str:
    """The id of the image; it is built if it is missing or its inputs have changed.

    Raises:
        LabError: it could not be built.
    """
    inputs = fingerprint(CONTEXT)
    with in_turn("lab-image"):
        found = engine.image(NAME)
        if found and found.labels.get(LABEL_INPUTS) == inputs:
            return found.id
        base = bootstrap.ensure(engine, PLATFORM, progress)
        made = _build(engine, progress, base, inputs)
        engine.tag(made, NAME)
        if found:
            # Hosts that run from the older image keep it; otherwise its 700 MB are freed.
            engine.podman("image", "rm", found.id, check=False)
        return made


def fingerprint(folder: Path) -> str:
    """sha256 over the names, modes and bytes of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            head = f"{path.relative_to(folder)} {path.stat().st_mode & 0o111:o} {path.stat().st_size}\n"
            digest.update(head.encode() + path.read_bytes())
    return digest.hexdigest()


def _build(engine: Engine, progress: Progress, base: str, inputs: str) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="nuwa-lab-") as folder,
        progress.step("build the image of lab hosts (once, about a minute)") as step,
    ):
        context = Path(folder, "context")
        shutil.copytree(CONTEXT, context)
        options = [
            *("--format", "docker", "--pull=never", "--network", "host"),
            *("--build-arg", f"BASE={base}", "--label", f"{LABEL_INPUTS}={inputs}"),
            *_packages_by_mount(Path(folder)),
        ]
        try:
            return engine.build((context / "Containerfile").read_text(), context, options, on_line=step.line)
        except CommandError as error:
            raise LabError(
                "the image of lab hosts could not be built",
                details=error.output,
                hint="Are Debian's packages reachable, and is there room on the disk? Try again.",
            ) from None


def _packages_by_mount(folder: Path) -> list[str]:
    """This machine's package sources, as files that the container has only while it is built."""
    lines = apt.sources(CODENAME)
    if not lines:
        raise LabError(
            "no Debian package mirror is configured on this machine",
            hint="Set NUWA_APT_MIRROR to the address of a Debian mirror.",
        )
    files = {"sources.list": "".join(f"{line}\n" for line in lines), "apt.conf": apt.options()}
    for name, text in files.items():
        (folder / name).write_text(text)
    return [f"--volume={folder / name}:/etc/apt/{name}:ro" for name in files]
