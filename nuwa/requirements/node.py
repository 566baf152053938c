"""What a frontend is built with: its package.json, and the package manager that its lock file names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa.errors import BuildError

LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
"""Which package manager wrote a lock file."""
_INSTALL = {
    "npm": ("npm", "ci", "--no-audit", "--no-fund"),
    "pnpm": ("pnpm", "install", "--frozen-lockfile"),
    "yarn-1": ("yarn", "install", "--frozen-lockfile", "--non-interactive"),
    "yarn-berry": ("yarn", "install", "--immutable"),
}
"""Command lines that install exactly what a lock file names; Yarn 1 and later versions differ."""
_HEAD_CHARACTERS = 4096


@dataclass(frozen=True)
class Manager:
    """The package manager of a frontend, which also runs its scripts.

    Args:
        name: npm, pnpm or yarn.
        format: the format of its lock file, as in the table [node] of images/pins.toml.
        version: what package.json asks for; empty: it names none.
        install: its command line that installs exactly what the lock file names.
    """

    name: str
    format: str
    version: str
    install: tuple[str, ...]

    @property
    def build(self) -> tuple[str, ...]:
        """Runs the script called build."""
        return (self.name, "run", "build")


def package(folder: Path) -> dict[str, Any]:
    """A folder's package.json; empty if it has none.

    Raises:
        BuildError: it is not a JSON object.
    """
    file = folder / "package.json"
    if not file.is_file():
        return {}
    try:
        read = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BuildError(f"cannot read {file}: {error}") from None
    if not isinstance(read, dict):
        raise BuildError(f"{file} is not a JSON object")
    return read


def scripts(read: dict[str, Any]) -> dict[str, str]:
    """The scripts of a package.json."""
    found = read.get("scripts")
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def manager(folder: Path, where: str) -> Manager:
    """The package manager of the frontend in a folder, by its lock file.

    Args:
        where: what errors call the folder.

    Raises:
        BuildError: the folder is not a frontend, or has no lock file.
    """
    if not (folder / "package.json").is_file():
        raise BuildError(
            f"{where} has no package.json", hint="Name the frontend's folder: directory in [build.node]."
        )
    wanted, version = _wanted(folder)
    locks = {name: lock for lock, name in reversed(LOCKS.items()) if (folder / lock).is_file()}
    if not locks:
        tool = wanted or "npm"
        lock = next(lock for lock, name in LOCKS.items() if name == tool)
        raise BuildError(
            f"{where} has no lock file ({', '.join(LOCKS)})",
            hint=f"Run {tool} install there, which writes {lock}, and commit that file.",
        )
    name = wanted if wanted in locks else next(name for name in LOCKS.values() if name in locks)
    version = version if name == wanted else ""
    kind = _format(name, folder / locks[name], version)
    return Manager(name, kind, version, _INSTALL[kind if name == "yarn" else name])


def _wanted(folder: Path) -> tuple[str, str]:
    """The manager and the version that package.json names (`packageManager`); empty: it names none."""
    named = re.match(r"(npm|pnpm|yarn)@(\d[\w.-]*)", str(package(folder).get("packageManager", "")))
    return (named[1], named[2]) if named else ("", "")


def _format(name: str, lock: Path, version: str) -> str:
    head = lock.read_text(encoding="utf-8", errors="replace")[:_HEAD_CHARACTERS]
    if name == "pnpm":
        return "pnpm-6" if re.search(r"lockfileVersion:\s*['\"]?[56]", head) else "pnpm-9"
    if name == "yarn":
        classic = version.startswith("1.") if version else "yarn lockfile v1" in head
        return "yarn-1" if classic else "yarn-berry"
    return name
