"""The distribution's packages in an image, as its own package manager lists them."""

from __future__ import annotations

from dataclasses import dataclass

from nuwa import names
from nuwa.engine import Engine, Image
from nuwa.errors import CommandError, NuwaError
from nuwa.image import families
from nuwa.resources import IMAGES

_QUERIES = {
    "dnf": ("rpm", "-qa", "--qf", r"%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{SIZE}\n"),
    "apt": ("dpkg-query", "-W", "-f", r"${Package}\t${Version}\t${Installed-Size}\t${db:Status-Status}\n"),
}
_UNITS = {"dnf": 1, "apt": 1024}
"""The number of bytes in the unit of each one's sizes (rpm(8), deb-control(5))."""


@dataclass(frozen=True)
class Package:
    """An installed package of the distribution.

    Args:
        size: bytes, as stated in the package.
    """

    name: str
    version: str
    size: int


def installed(engine: Engine, image: Image) -> tuple[Package, ...]:
    """The packages of an image, the largest first.

    Its rpm or dpkg-query is run in a container without a network and with a read-only file system.

    Raises:
        NuwaError: nuwa did not build the image, or it no longer has its package manager.
    """
    manager = _manager(image)
    program, *words = _QUERIES[manager]
    options = [
        "--rm",
        "--pull=never",
        "--network=none",
        "--read-only",
        "--cap-drop=all",
        f"--entrypoint={program}",
    ]
    try:
        listed = engine.run(image.id, *words, options=options).stdout
    except CommandError as error:
        raise NuwaError(f"{program} of the image cannot list its packages", details=error.output) from None
    return parsed(listed, _UNITS[manager])


def parsed(listed: str, unit: int) -> tuple[Package, ...]:
    """Packages from lines of name, version, size in units of `unit` bytes and, with dpkg, state."""
    found = set()
    for line in listed.splitlines():
        name, version, size, state = [*line.split("\t"), "installed"][:4]
        # Keys are not packages, but rpm lists those that it trusts among them.
        if state == "installed" and name != "gpg-pubkey":
            found.add(Package(name, version, int(size or 0) * unit))
    return tuple(sorted(found, key=lambda package: (-package.size, package.name, package.version)))


def _manager(image: Image) -> str:
    family = image.labels.get(names.LABEL_FAMILY, "").rstrip("0123456789")
    if family not in {file.stem for file in (IMAGES / "families").glob("*.toml")}:
        raise NuwaError(
            "this image has no nuwa label with its distribution, so its packages cannot be listed",
            hint="Name an image or a layer made by nuwa build.",
        )
    return families.load(family).package_manager
