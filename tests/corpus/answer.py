"""The answer of `nuwa init` for one project, as fields that can be compared."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa.detect import annotated_manifest
from nuwa.detect.detect import detect
from nuwa.image import families


@dataclass(frozen=True)
class Answer:
    """What init wrote, and what it said.

    Args:
        fields: values of the manifest by what they are about; absent ones are not in it.
        words: all that it prints, and the names of variables in the manifest's comments.
    """

    fields: dict[str, Any]
    words: str


def of(project: Path, folder: str = "", family: str = "debian") -> Answer:
    """Ask init about a project, or about a folder of it where the application lies there."""
    offer = families.load(family)
    found = detect(project / folder, offer.pythons(offer.releases[0]), family)
    words = [*found.found, *found.check, *found.elsewhere]
    if found.web is None or found.elsewhere:
        return Answer({"elsewhere": list(found.elsewhere)}, "\n".join(words))
    text = annotated_manifest.text(found, family=family)
    words += [item.name for item in (*found.environment.open, *found.environment.optional)]
    return Answer(fields(tomllib.loads(text)), "\n".join(words))


def fields(manifest: dict[str, Any]) -> dict[str, Any]:
    """The values of a manifest that init is asked for."""
    image, server, env = manifest["image"], manifest["server"], manifest.get("env", {})
    database, static = manifest.get("database", {}), manifest.get("static", {})
    given = {
        "name": manifest["app"]["name"],
        "module": server["module"],
        "kind": server["kind"],
        "websocket": server.get("websocket"),
        "workers": server.get("workers"),
        "python": image.get("python"),
        "requirements": image.get("requirements"),
        "groups": image.get("groups"),
        "packages": sorted(image.get("packages", ())),
        "build_packages": sorted(image.get("build_packages", ())),
        "processes": [item["command"] for item in manifest.get("process", ())],
        "cron": [f"{item['schedule']} {item['command']}" for item in manifest.get("cron", ())],
        "release": manifest.get("hooks", {}).get("release"),
        "database": database.get("engine"),
        "database_env": [f"{name}={part}" for name, part in database.get("env", {}).items()],
        "volumes": sorted(
            f"{item['path']} {item['url']}" if "url" in item else item["path"]
            for item in manifest.get("volume", ())
        ),
        "services": [item["engine"] for item in manifest.get("service", ())],
        "static": static.get("directory"),
        "node": manifest.get("build", {}).get("node", {}).get("output"),
        "health": manifest.get("health", {}).get("path"),
        "secrets": sorted(env.get("secrets", ())),
        "generated": sorted(env.get("generated", ())),
        "clear": sorted(f"{name}={value}" for name, value in env.get("clear", {}).items()),
    }
    return {name: value for name, value in given.items() if value not in (None, [], "")}


def as_toml(name: str, found: Answer) -> str:
    """An answer in the form of the file of expected ones."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in found.fields.items()]
    return "\n".join([f'[project."{name}".fields]', *lines, ""])
