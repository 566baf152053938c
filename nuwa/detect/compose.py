"""Compose files: commands, environment, volumes and the services next to the app."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice
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


def read(tree: Tree, said: Testimony, project: str = ".") -> None:
    """Read what compose files say about the app, those for production first.

    Args:
        tree: the folder with the files.
        project: the app's folder in it; services that are built from other folders are not the app.
    """
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
            if isinstance(service, dict) and _is_built_from(tree, service, path, project):
                image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
                own = image == tree.root.resolve().name.lower() and bool(image)
                _service(tree, said, str(name), {"build": ".", **service} if own else service, path)


def _service(tree: Tree, said: Testimony, name: str, service: dict[str, Any], path: str) -> None:
    image = str(service.get("image", "")).rpartition("/")[2].partition(":")[0]
    kind_of = f"{image} {name if 'build' in service and not _runs_python(service.get('command')) else ''}"
    engine = next((kind for word, kind in _OWN_ENGINES.items() if word in kind_of), "")
    if not engine and name == "db" and not _runs_python(service.get("command")):
        return
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
    for volume in () if NOT_FOR_PRODUCTION.search(path) else entries(service.get("volumes")):
        if isinstance(volume, dict):
            volume = f"{volume.get('source', '')}:{volume.get('target', '')}"
        if not _brings_files(tree, str(volume), path):
            said.mounted(str(volume), path)
    said.asks(table(service, "healthcheck").get("test"), path)


def _is_built_from(tree: Tree, service: dict[str, Any], path: str, project: str) -> bool:
    """Whether a service may be the app: it is built from the app's folder, or not built at all."""
    build = service.get("build")
    context, file = build, "Dockerfile"
    if isinstance(build, dict):
        context, file = build.get("context", "."), str(build.get("dockerfile", file))
    if not isinstance(context, str):
        return True
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), context))
    if project == ".":
        other = tree.content(posixpath.normpath(f"{folder}/{file}")) if folder != "." else b""
        return not other or b"python" in other or _runs_python(service.get("command"))
    return folder == "." or f"{project}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{project}/")


_CODE = frozenset(
    {".py", ".html", ".conf", ".template", ".toml", ".yml", ".yaml", ".js", ".css", ".sh", ".md"}
)


def _brings_files(tree: Tree, volume: str, path: str) -> bool:
    """Whether a volume mounts the project's own code or configuration."""
    source = volume.partition(":")[0]
    if not source.startswith("."):
        return False
    inside = tree.root / posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
    return inside.is_file() or any(item.suffix in _CODE for item in islice(inside.rglob("*"), 1000))


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
