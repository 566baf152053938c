"""Folders that outlive the container, and the variables that tell the app their paths."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nuwa.detect import environment
from nuwa.detect.django_settings import accepted
from nuwa.detect.model import Database, Variable, Volume, Web
from nuwa.detect.testimony import Testimony
from nuwa.manifest import checks
from nuwa.names import PROJECT

_NOT_A_VOLUME = (  # folders of the system
    "/var/run",
    "/var/log",
    "/run",
    "/tmp",  # noqa: S108 - a prefix, not a file
    "/etc",
    "/usr",
    "/root",
    "/home",
    "/proc",
    "/sys",
    "/dev",
    "/opt/nuwa",
    "/var/lib/postgresql",
    "/var/lib/mysql",
)


def find(web: Web, said: Testimony, database: Database | None) -> list[Volume]:
    """Folders that the app writes to: those that its code names, and those that deployment files mount."""
    found = list(web.volumes)
    folder = said.folder or "/app"
    for target, where in said.mounts.items():
        path = re.sub(rf"^{re.escape(folder)}(?=/)", PROJECT, target)
        static = f"{PROJECT}/{web.static_directory}" if web.static_directory else ""
        if path.startswith(_NOT_A_VOLUME) or path == folder or (static and _touch(path, static)):
            continue
        if "static" in path.rpartition("/")[2]:
            continue
        found.append(Volume(path.rpartition("/")[2], path, "", where))
    kept: list[Volume] = []
    for volume in found:
        name = re.sub(r"[^a-z0-9_-]+", "-", volume.name.lower()).strip("-_")
        if not accepted(checks.volume_name, name) or not accepted(checks.absolute_path, volume.path):
            continue
        if not any(_touch(volume.path, other.path) or name == other.name for other in kept):
            kept.append(replace(volume, name=name))
    if database and database.engine == "sqlite" and not any(not volume.url for volume in kept):
        kept.append(Volume("data", "/srv/data", "", "the SQLite database"))
    return kept


def holds(volumes: Sequence[Volume], path: str) -> bool:
    """Whether a path, relative to the project's folder, is in a volume or in /tmp."""
    path = posixpath.normpath(posixpath.join(PROJECT, path))
    return any(
        f"{path}/".startswith(f"{folder}/")
        for folder in ("/tmp", *(volume.path for volume in volumes))  # noqa: S108 - a prefix, not a file
    )


def variables(
    volumes: Sequence[Volume], said: Testimony, known: Mapping[str, str], read: Sequence[Variable]
) -> dict[str, str]:
    """Variables with which the project's own files pass a volume's folder to the app: UPLOAD_FOLDER.

    Libraries may read them too. MEDIA_ROOT and STATIC_ROOT count only if the code reads them: usually they
    are Django settings, not variables.
    """
    folder = said.folder or "/app"
    found = {}
    settings = {"MEDIA_ROOT", "STATIC_ROOT"} - {variable.name for variable in read}
    for name, value in sorted(said.environment.items()):
        path = re.sub(rf"^{re.escape(folder)}(?=/)", PROJECT, value.rstrip("/"))
        inside = any(f"{path}/".startswith(f"{volume.path}/") for volume in volumes)
        if inside and name not in settings and name not in known and environment.belongs_to_the_app(name):
            found[name] = path
    return found


def _touch(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
