"""The applied configuration, in its validated form: readable without pydantic."""

from __future__ import annotations

from nuwa.agent.config import ports
from nuwa.agent.config.model import Config
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.paths import Paths
from nuwa.errors import NuwaError
from nuwa.files import read_json, write_json
from nuwa.manifest.model import from_json, to_json
from nuwa.names import SLOTS

SCHEMA = 1


def save(loaded: Loaded, paths: Paths) -> None:
    write_json(
        paths.applied,
        {
            "schema": SCHEMA,
            "revision": loaded.revision,
            "base": loaded.base,
            "ports": ports.to_json(loaded.ports),
            "slots": {slot: to_json(config) for slot, config in loaded.slots.items()},
        },
        mode=0o600,
    )


def load(paths: Paths) -> Loaded:
    """The applied configuration; an empty one if none was applied yet.

    Raises:
        NuwaError: only root may read it, or another release of nuwa wrote it.
    """
    try:
        value = read_json(paths.applied)
    except PermissionError:
        raise NuwaError(
            "only root can see the services while the agent is down", hint="Run it with sudo."
        ) from None
    if value is None:
        return Loaded("", dict.fromkeys(SLOTS, Config()), {}, str(paths.folder))
    if value.get("schema") != SCHEMA:
        raise NuwaError(
            f"{paths.applied} was written by another release of nuwa", hint="nuwa config apply rewrites it."
        )
    slots = {slot: from_json(Config, config) for slot, config in value["slots"].items()}
    return Loaded(value["revision"], slots, ports.from_json(value["ports"]), value["base"])
