"""Compose files: commands, environment, volumes and the services next to the app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nuwa.detect.documents import entries, table, yaml_document
from nuwa.detect.testimony import NOT_FOR_PRODUCTION, Testimony, for_production
from nuwa.detect.tree import Tree

_OWN_ENGINES = {
    "postgres": "postgresql",
    "postgis": "postgresql",
    "timescale": "postgresql",
    "mysql": "mariadb",
    "mariadb": "mariadb",
    "percona": "mariadb",
}


def read(tree: Tree, said: Testimony) -> None:
    """What compose files say of the app, those for production first."""
    patterns = (
        "docker-compose*.yml",
        "docker-compose*.yaml",
        "compose*.yml",
        "compose*.yaml",
        "production.yml",
    )
    for path in for_production(list(tree.named(*patterns))):
        services = table(yaml_document(tree, path), "services")
        for name, service in services.items():
            if isinstance(service, dict):
                image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
                own = image == tree.root.resolve().name.lower() and bool(image)
                _service(said, str(name), {"build": ".", **service} if own else service, path)


def _service(said: Testimony, name: str, service: dict[str, Any], path: str) -> None:
    image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
    engine = next((kind for word, kind in _OWN_ENGINES.items() if word in image), "")
    if engine:
        if not said.engine[0] and not NOT_FOR_PRODUCTION.search(path.rpartition("/")[0]):
            said.engine = (engine, path)
        return
    if not service.get("build") and "build" not in service:
        for kind in ("redis", "valkey", "rabbitmq", "memcached"):
            if kind in image:
                said.services.add(kind)
        if image and not service.get("command"):
            return
    if "build" not in service and not _runs_python(service.get("command")):
        return
    if NOT_FOR_PRODUCTION.search(name) or re.search(r"node|webpack|playwright|mail", name):
        return
    for key, value in _environment(service.get("environment")):
        if not NOT_FOR_PRODUCTION.search(path):
            said.set(key, value)
    said.started(name, service.get("command"), path)
    for volume in entries(service.get("volumes")):
        target = volume.get("target") if isinstance(volume, dict) else volume
        source = volume.get("source", "") if isinstance(volume, dict) else ""
        said.mounted(f"{source}:{target}" if isinstance(volume, dict) else str(target), path)
    said.asks(table(service, "healthcheck").get("test"), path)


def _runs_python(command: object) -> bool:
    text = " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
    return bool(
        re.search(r"\b(?:python3?|gunicorn|uvicorn|celery|rq|flask|manage\.py|daphne|hypercorn)\b", text)
    )


def _environment(given: object) -> Iterator[tuple[str, str]]:
    pairs = (
        given.items()
        if isinstance(given, dict)
        else (str(item).partition("=")[::2] for item in entries(given))
    )
    for name, value in pairs:
        text = "" if value is None else str(value)
        if text and "$" not in text:
            yield str(name), text
