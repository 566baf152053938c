"""Dockerfiles: commands, environment, Python, packages and volumes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from nuwa.detect.testimony import NOT_FOR_PRODUCTION, Testimony, assignments, for_production
from nuwa.detect.tree import Tree


def read(tree: Tree, said: Testimony) -> None:
    """Read what Dockerfiles say, those for production first; those for tests and development are ignored."""
    for path in for_production(list(tree.named("Dockerfile*", "*.Dockerfile", "Containerfile*"))):
        if NOT_FOR_PRODUCTION.search(path.rpartition("/")[2]):
            continue
        _dockerfile(tree, said, path)


@dataclass(frozen=True)
class _Stage:
    name: str
    image: str
    packages: tuple[str, ...] = ()


def _dockerfile(tree: Tree, said: Testimony, path: str) -> None:
    text = re.sub(r"\\\s*\n(?:\s*#[^\n]*\n)*", " ", tree.text(path))
    arguments = dict(re.findall(r"(?m)^ARG\s+(\w+)=[\"']?([^\s\"']+)", text))
    entry = folder = ""
    stages: list[_Stage] = []
    for instruction, rest in re.findall(r"(?mi)^\s*([A-Z]+)\s+(.+)$", text):
        word = instruction.upper()
        rest = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], found[0]), rest.strip())
        if word == "FROM":
            image, _, name = re.sub(r"--\S+\s+", "", rest).partition(" ")
            stages.append(_Stage(name.strip().lower().removeprefix("as").strip(), image))
        elif word == "ENV":
            for name, value in assignments(rest):
                said.set(name, value)
                arguments[name] = value
        elif word == "WORKDIR" and rest.startswith("/"):
            folder = rest.rstrip("/")
        elif word == "RUN":
            stages[-1:] = [_Stage(at.name, at.image, (*at.packages, *_installed(rest))) for at in stages[-1:]]
        elif word == "ENTRYPOINT":
            entry = _words(rest)
        elif word == "CMD":
            said.started(
                "web", f"{entry} {_words(rest)}".strip() if _is_script(entry) else _words(rest), path
            )
            entry = ""
        elif word == "HEALTHCHECK":
            said.asks(rest, path)
        elif word == "VOLUME":
            for target in _words(rest).split():
                said.mounted(f"data:{target}", path)
    if entry:
        said.started("web", entry, path)
    said.folder = said.folder or folder
    for stage in _last(stages):
        found = re.search(r"\bpython:(\d\.\d+)|\bpython(\d\.\d+)-", stage.image)
        if found:
            said.python.append((found[1] or found[2], path))
        for package in stage.packages:
            said.packages.setdefault(package, path)


def _last(stages: list[_Stage]) -> list[_Stage]:
    """The final stage and those that it is based on; what other stages install is not in the image."""
    found = stages[-1:]
    while found:
        below = [stage for stage in stages if stage.name and stage.name == found[-1].image.lower()]
        if not below or below[-1] in found:
            break
        found.append(below[-1])
    return found


def _is_script(entry: str) -> bool:
    return entry.endswith(".sh")


def _words(text: str) -> str:
    """The command of CMD or ENTRYPOINT, in exec or shell form."""
    try:
        listed = json.loads(text)
    except ValueError:
        return text
    return shlex.join(map(str, listed)) if isinstance(listed, list) else text


_NOT_NEEDED = re.compile(
    r"^(?:build-essential|gcc|g\+\+|make|git|curl|wget|vim|nano|sudo|gnupg\d?|ca-certificates|apt-utils|nodejs|npm|python\S*|pip|bash|netcat\S*|procps|unzip|locales|supervisor|nginx|cron|openssh-\S+|software-properties-common|lsb-release|less|htop|dumb-init|tini|gosu|postgresql-client\S*|default-mysql-client|mariadb-client|redis-tools)$"
)


def _installed(run: str) -> Iterator[str]:
    """Debian packages that a RUN line installs."""
    for found in re.finditer(r"apt(?:-get)?\s+(?:-\S+\s+)*install\s+([^&|;]+)", run):
        for word in found[1].split():
            name = word.partition("=")[0]
            if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not _NOT_NEEDED.match(name):
                yield name


def read_aptfile(tree: Tree, said: Testimony) -> None:
    """Read the distribution packages of an Aptfile, the format of Heroku's apt buildpack."""
    for path in tree.named("Aptfile"):
        for line in tree.text(path).splitlines():
            name = line.partition("#")[0].strip()
            if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not _NOT_NEEDED.match(name):
                said.packages.setdefault(name, path)
