"""The environment's settings for package sources, for the host that builds.

Settings files are not sent: the host has its own, with the mirrors that it can reach.
"""

from __future__ import annotations

import os
from pathlib import Path

from nuwa.image import frontend, indexes, node_registries, pins
from nuwa.manifest.model import App
from nuwa.remote.ssh import environment

ENVIRONMENT = "environment"
PINS = "pins.toml"


def files(app: App, project: Path) -> dict[str, bytes]:
    """Files for the host, by name: variables as `scripts/build` reads them, and the file of NUWA_PINS.

    Raises:
        BuildError: the file of NUWA_PINS cannot be read.
    """
    told = {name: os.environ[name] for name in _names(app, project) if not _is_here(os.environ[name])}
    made = {ENVIRONMENT: environment(told)}
    if pins.replaced():
        made[PINS] = Path(os.environ[pins.REPLACED_BY]).read_bytes()
    return made


def staying(app: App, project: Path) -> list[str]:
    """Variables that are not sent because they name folders of this machine, which the host does not see."""
    return [name for name in _names(app, project) if _is_here(os.environ[name])]


def _names(app: App, project: Path) -> list[str]:
    names = [name for name in indexes.VARIABLES if os.environ.get(name)]
    if app.build.node:
        names += [*node_registries.variables(), *frontend.variables(project / app.build.node.directory)]
    return list(dict.fromkeys(names))


def _is_here(value: str) -> bool:
    return any(address.startswith(("/", "file:")) for address in value.split())
