"""Makes a bare Debian on this machine if no registry provides one."""

from __future__ import annotations

import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from nuwa import names
from nuwa.console import Progress, Step
from nuwa.engine import Engine, Image
from nuwa.errors import BuildError, CommandError
from nuwa.image import apt, families
from nuwa.image.build_layer import check_space, finish, for_platform
from nuwa.image.pins import source_date_epoch
from nuwa.lock import in_turn
from nuwa.manifest.model import SCHEMA
from nuwa.names import Platform
from nuwa.process import run

DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
"""dpkg leaves out documentation and translations, now and for every package that is installed later."""

_ARCHIVE = "rootfs.tar"
_INCLUDED = ("ca-certificates", "systemd-standalone-sysusers")
_LEFT_OVER = (
    "/etc/*-",
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
    "/var/cache/apt/*.bin",
    "/var/cache/apt/archives/lock",
    "/var/cache/debconf/*-old",
    "/var/cache/ldconfig/aux-cache",
    "/var/lib/apt/lists/*",
    "/var/lib/dpkg/*-old",
    "/var/log/*log",
    "/var/log/apt/*",
    "/var/log/[bw]tmp",
)
"""Files that reveal where or when it was made."""


def ensure(engine: Engine, platform: Platform, progress: Progress) -> str:
    """The name of an image with the bare distribution; it is made unless an up-to-date one exists.

    Raises:
        BuildError: this machine has no mmdebstrap or has no Debian mirror configured, or making it failed.
    """
    reference = platform.bootstrap_image
    if is_current(engine.image(reference)):
        return reference
    with in_turn(f"build-{platform.family}-bootstrap-{platform.release}{platform.suffix}"):
        if not is_current(engine.image(reference)):
            _make(engine, platform, progress)
    return reference


def is_current(image: Image | None) -> bool:
    """Whether an image was made the way this version of nuwa makes it; its packages may be older."""
    return image is not None and image.labels.get(names.LABEL_INPUTS) == _inputs()


def _inputs() -> str:
    parts = (*_INCLUDED, *DPKG_OPTIONS, *_LEFT_OVER, *_environment().values())
    return sha256("\0".join(parts).encode()).hexdigest()


def _make(engine: Engine, platform: Platform, progress: Progress) -> None:
    release = families.load(platform.family).release(platform.release)
    if not release.codename:
        raise BuildError(
            f"{platform.family} {platform.release} cannot be made from packages here",
            hint="Build with --family debian, or give the machine access to the registry.",
        )
    # mmdebstrap uses arch-test to find out whether this machine runs programs of another processor.
    needed = ("mmdebstrap", "arch-test") if platform.architecture else ("mmdebstrap",)
    missing = [program for program in needed if not shutil.which(program)]
    if missing:
        raise BuildError(
            f"{missing[0]} is not installed: without a registry, mmdebstrap creates the base image",
            hint=f"apt-get install {' '.join(missing)}",
        )
    sources = apt.sources(release.codename)
    if not sources:
        raise BuildError(
            "no Debian package mirror is configured on this machine",
            hint="Set NUWA_APT_MIRROR to the address of a Debian mirror.",
        )
    check_space(engine)
    with tempfile.TemporaryDirectory(prefix="nuwa-bootstrap-") as folder:
        with progress.step(f"bootstrap Debian {platform.release} from packages (mmdebstrap)") as step:
            _run_mmdebstrap(_mmdebstrap(release.codename, platform, sources, Path(folder)), step)
        with progress.step("import it as an image"):
            _import(engine, platform, Path(folder))


def _run_mmdebstrap(argv: list[str], step: Step) -> None:
    try:
        run(argv, env=_environment(), on_line=step.line)
    except CommandError as error:
        raise BuildError(
            "Debian could not be bootstrapped",
            details=error.output,
            hint="Check that this machine reaches its package mirror: apt-get update",
        ) from None


def _mmdebstrap(codename: str, platform: Platform, sources: list[str], folder: Path) -> list[str]:
    settings = folder / "apt.conf"
    settings.write_text(apt.options())
    argv = ["mmdebstrap", "--variant=minbase", "--format=tar", f"--aptopt={settings}"]
    argv += [f"--include={','.join(_INCLUDED)}"]
    argv += [f"--architectures={platform.architecture}"] if platform.architecture else []
    argv += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    return [*argv, codename, str(folder / _ARCHIVE), *sources]


def _environment() -> dict[str, str]:
    return {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", str(source_date_epoch()))}


def _import(engine: Engine, platform: Platform, folder: Path) -> None:
    """Import by ADD, which keeps the archive's times and owners; `podman import` does not."""
    labels = {
        names.LABEL_LAYER: "bootstrap",
        names.LABEL_FAMILY: platform.key,
        names.LABEL_SCHEMA: str(SCHEMA),
        names.LABEL_INPUTS: _inputs(),
    }
    options = ["--format", "docker", "--layers=false", "--identity-label=false", "--network", "none"]
    options += ["--timestamp", _environment()["SOURCE_DATE_EPOCH"], *for_platform(platform)]
    context = folder / "context"
    context.mkdir()
    (folder / _ARCHIVE).rename(context / _ARCHIVE)
    lines = ("FROM scratch", f"ADD {_ARCHIVE} /", f"RUN rm -rf {' '.join(_LEFT_OVER)}", 'CMD ["/bin/bash"]')
    built = engine.build("".join(f"{line}\n" for line in lines), context, options)
    finish(engine, built, "bootstrap", platform.bootstrap_image, labels, "", folder / "sealed")
