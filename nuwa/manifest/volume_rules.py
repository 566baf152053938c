"""Consistency rules between volumes, and between them, the image and the host's units."""

from __future__ import annotations

from collections.abc import Iterator

from nuwa.manifest.finding import Finding, Given
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path, dotted
from nuwa.names import PROJECT

_RESERVED = (
    *(
        "/bin",
        "/boot",
        "/command",
        "/dev",
        "/etc",
        "/init",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/opt/nuwa",
    ),
    *("/package", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr"),  # noqa: S108 - refused
    *("/var/log", "/var/run", "/var/spool/cron"),
)
"""Folders that belong to the image's system; a volume there would hide parts of it."""


def _volume_paths(app: App, _: Given) -> Iterator[Finding]:
    """Volumes: none hides the project or the image's system folders, and none is inside another."""
    for index, volume in enumerate(app.volume):
        path: Path = ("volume", index, "path")
        taken = next((folder for folder in _RESERVED if nested(folder, volume.path)), None)
        if taken or _below(PROJECT, volume.path):
            yield Finding(
                (path,),
                f"a volume at {volume.path} would hide {taken or PROJECT}, which belongs to the image",
                f"use a folder such as {PROJECT}/media, /srv/data or /var/lib/data",
            )
        for other_index, other in enumerate(app.volume[:index]):
            if nested(volume.path, other.path):
                other_path: Path = ("volume", other_index, "path")
                yield Finding(
                    (path, other_path),
                    f"{volume.path} overlaps {other.path} ({dotted(other_path)})",
                    "give each volume a folder of its own",
                )


MIN_VOLUME_BYTES = 32 * 1024**2
"""Minimum size of a volume with a file system of its own, including the journal."""


def _volume_sizes(app: App, _: Given) -> Iterator[Finding]:
    """Volumes: `size` is at least 32M, and no service has the name of the unit that mounts one."""
    services = {service.name: index for index, service in enumerate(app.service)}
    for index, volume in enumerate(app.volume):
        path: Path = ("volume", index, "size")
        if volume.size is None:
            continue
        if volume.size < MIN_VOLUME_BYTES:
            text = f"a file system of {volume.size} bytes has no room for files"
            yield Finding((path,), text, 'give it 32M or more, such as size = "10G"')
        if (other := services.get(f"volume-{volume.name}")) is not None:
            text = f"the file system of {volume.name} and this service would have the same unit"
            yield Finding((("service", other, "name"), path), text, "choose another name for the service")


def _below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or inside it."""
    return f"{path}/".startswith(f"{folder}/")


def nested(one: str, other: str) -> bool:
    """Whether one of two folders is the other, or inside it."""
    return _below(one, other) or _below(other, one)


RULES = (_volume_paths, _volume_sizes)
