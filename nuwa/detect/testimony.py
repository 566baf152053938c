"""Collects what deployment files say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from nuwa.detect.model import Started

NOT_FOR_PRODUCTION = re.compile(r"dev|test|local|debug|ci\b|override|e2e|lint", re.IGNORECASE)
"""Names of files and services that are not for production."""


@dataclass
class Testimony:
    """Everything that the files say.

    Args:
        commands: what they start, the most telling file first.
        environment: values of variables that they set, by name; the first file that sets one counts.
        samples: values in example files, such as .env.example.
        generated: variables for which app.json asks for a generated secret.
        python: Python versions, each with the file that names it.
        packages: distribution packages that a Dockerfile or an Aptfile installs, with the file.
        mounts: folders that outlive a container, as absolute paths in it, with the file.
        engine: the database that compose starts, with the file.
        services: other services that compose starts: redis, rabbitmq.
        scheduled: commands that run on a schedule that is not stated, with the file.
        health: path that a health check requests, with the file.
    """

    commands: list[Started] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    generated: set[str] = field(default_factory=set)
    python: list[tuple[str, str]] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    engine: tuple[str, str] = ("", "")
    services: set[str] = field(default_factory=set)
    scheduled: list[tuple[str, str]] = field(default_factory=list)
    health: tuple[str, str] = ("", "")
    folder: str = ""
    """Where the first Dockerfile puts the project; empty: unknown."""

    def set(self, name: str, value: object) -> None:
        if value is not None and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            self.environment.setdefault(name, str(value))

    def started(self, name: str, command: object, where: str, folder: str = "") -> None:
        text = (
            shlex.join(str(word) for word in command)
            if isinstance(command, list)
            else str(command or "").strip()
        )
        if text:
            self.commands.append(Started(name, text, where, folder))

    def asks(self, command: object, where: str) -> None:
        """Note the path that the command of a health check requests."""
        text = " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
        found = re.search(
            r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?(/[A-Za-z0-9/._~-]*)", text
        )
        if found and not self.health[0]:
            self.health = (found[1], where)

    def mounted(self, volume: str, where: str) -> None:
        """Note a volume of a container, unless it mounts the whole project, as is done for development."""
        source, _, target = re.sub(r"\$\{[^}]*\}", "VAR", volume).partition(":")
        target = target.partition(":")[0]
        own_code = source.rstrip("/") in ("", ".", "..") or source.startswith(("./src", "./app:", "${PWD}"))
        if (
            target.startswith("/")
            and not own_code
            and target.rstrip("/") not in ("/app", "/code", "/srv/app", "/src")
        ) and not target.endswith((".sock", ".conf", ".conf.d", ".env", ".py", ".sh", "/conf.d")):
            self.mounts.setdefault(target.rstrip("/"), where)


def for_production(paths: list[str]) -> list[str]:
    """Files for production first, those for development last."""

    def rank(path: str) -> tuple[int, int, str]:
        name = path.rpartition("/")[2]
        return (0 if "prod" in name else 2 if NOT_FOR_PRODUCTION.search(name) else 1, path.count("/"), path)

    return sorted(paths, key=rank)


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """`A=1 B="two words"`, as in a line of ENV; values with variables in them are left out."""
    pairs = re.findall(r"([A-Za-z_][A-Za-z0-9_]*)=(\"[^\"]*\"|'[^']*'|\S*)", text)
    if not pairs and " " in text:
        pairs = [tuple(text.split(None, 1))]
    for name, value in pairs:
        if "$" not in value:
            yield name, value.strip("\"'")
