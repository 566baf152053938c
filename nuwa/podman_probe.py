"""Which podman this machine has, and what it needs to start a container here.

Some machines reject podman's defaults: without CAP_SYS_RESOURCE its default ulimits cannot be set, and crun
rejects cgroup v1. `probe` finds out by starting a container; if the user's settings fail, it retries with the
settings in question changed, in a private `containers.conf`. The outcome is cached until the machine restarts
or podman or its settings change.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from nuwa.errors import EngineError, NuwaError
from nuwa.process import last_lines, run
from nuwa.resources import cache_folder

OLDEST = (4, 3)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATUS = Path("/proc/self/status")
_NOWHERE = "/nuwa-probe"
_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_FSETID": 4,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
    "CAP_SETFCAP": 31,
}
"""Capabilities that root needs to mount images and to give containers their usual capabilities, by number."""

Settings = dict[str, Any]


@dataclass(frozen=True)
class Podman:
    """A podman that can start containers."""

    binary: str
    version: tuple[int, ...]
    containers_conf: str = ""
    """The settings file that it needs on this machine; empty: the user's own settings suffice."""
    graph_root: str = ""
    """The folder that contains its images."""


def probe() -> Podman:
    """The podman of this machine.

    Raises:
        EngineError: it is missing, older than `OLDEST`, or cannot start a container.
    """
    binary = shutil.which("podman")
    if not binary:
        raise EngineError(
            "podman is not installed",
            hint="Install it (apt-get install podman, or dnf install podman) and try again.",
        )
    memory = cache_folder() / "podman.json"
    key = _key(binary)
    known = _recall(memory, key)
    if known is None:
        known = _find_out(binary)
        _remember(memory, key, known)
    return known


def _find_out(binary: str) -> Podman:
    version = _version(binary)
    conf = _working_settings(binary)
    env = {"CONTAINERS_CONF": conf} if conf else {}
    root = run([binary, "info", "--format", "{{.Store.GraphRoot}}"], env=env, timeout=60).stdout.strip()
    return Podman(binary, version, conf, root)


def _version(binary: str) -> tuple[int, ...]:
    printed = run([binary, "--version"], timeout=60).stdout
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", printed)
    if not found:
        raise EngineError(
            f"{binary} does not print a version, but {printed.strip()!r}",
            hint="Put podman itself first in PATH.",
        )
    version = tuple(int(part or 0) for part in found.groups())
    if version < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise EngineError(
            f"podman {found.group()} ({binary}) is too old: nuwa needs podman {wanted} or newer",
            hint=f"Upgrade podman, or put a newer one first in PATH; nuwa needs {wanted} or newer.",
        )
    return version


def _working_settings(binary: str) -> str:
    """The path of a `containers.conf` with which a container starts; empty if none is needed."""
    first_error = _try_container(binary, {})
    if not first_error:
        return ""
    for change in _changes():
        private = _private_settings(dump_toml(_merge(_user_settings(), change)))
        if not _try_container(binary, {"CONTAINERS_CONF": str(private)}):
            return str(private)
    lacking = ", ".join(_lacking_capabilities())
    raise EngineError(
        "podman cannot start a container on this machine",
        details=first_error,
        hint=f"This process lacks {lacking}. Run it where root has them."
        if lacking
        else "nuwa also tried it without default ulimits and with runc. Run as root, install runc, "
        "or allow this machine what the message above asks for.",
    )


def _lacking_capabilities() -> list[str]:
    """Capabilities that root lacks here; none for other users: podman has its own in a user namespace."""
    held = int(_capabilities(), 16)
    return [] if os.getuid() else [name for name, bit in _CAPABILITIES.items() if not held & 1 << bit]


def _capabilities() -> str:
    """The capability bounding set of this process and its children, in hexadecimal."""
    found = re.search(r"(?m)^CapBnd:\s*(\w+)", _STATUS.read_text())
    return found[1] if found else "0"


def _private_settings(text: str) -> Path:
    """The file is named after its content, so it never changes while a podman reads it."""
    path = cache_folder() / f"containers-{sha256(text.encode()).hexdigest()[:12]}.conf"
    _write(path, text)
    return path


def _changes() -> list[Settings]:
    without_limits: Settings = {"containers": {"default_ulimits": []}}
    if not shutil.which("runc"):
        return [without_limits]
    with_runc: Settings = {"engine": {"runtime": "runc"}}
    return [without_limits, with_runc, _merge(without_limits, with_runc)]


def _try_container(binary: str, env: dict[str, str]) -> str:
    """Start a container from an empty folder; returns podman's error, or nothing if it works.

    The command does not exist; exit code 127 means that everything before the command succeeded.
    """
    with tempfile.TemporaryDirectory(prefix="nuwa-probe-") as folder:
        argv = [binary, "run", "--rm", "--network", "none", "--rootfs", folder, _NOWHERE]
        result = run(argv, check=False, env=env, timeout=60)
    if result.code == 127 and _NOWHERE in result.stderr:
        return ""
    return last_lines(result.stderr) or f"exit code {result.code}"


def _user_settings() -> Settings:
    """The settings that podman would use, merged as podman does it (containers.conf(5))."""
    merged: Settings = {}
    for path in _user_files():
        try:
            merged = _merge(merged, tomllib.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise EngineError(f"cannot read podman's settings in {path}: {error}") from None
    return merged


def _user_files() -> list[Path]:
    own = os.environ.get("CONTAINERS_CONF")
    if own:
        return [Path(own)]
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers"
    found = [Path("/usr/share/containers/containers.conf")]
    for folder in (Path("/etc/containers"), home):
        found += [folder / "containers.conf", *sorted((folder / "containers.conf.d").glob("*.conf"))]
    return [path for path in found if path.is_file()]


def _merge(below: Settings, above: Settings) -> Settings:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def dump_toml(settings: Settings, path: tuple[str, ...] = ()) -> str:
    """Tables of strings, numbers, booleans and lists of them as TOML."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, dict)}
    lines = [f"[{'.'.join(map(_literal, path))}]"] if path and plain else []
    lines += [f"{_literal(name)} = {_literal(value)}" for name, value in plain.items()]
    text = "".join(f"{line}\n" for line in lines)
    return text + "".join(
        dump_toml(value, (*path, name)) for name, value in settings.items() if isinstance(value, dict)
    )


def _literal(value: object) -> str:
    """JSON writes these types as TOML does, provided that no surrogate pairs are used as escapes."""
    return json.dumps(value, ensure_ascii=False)


def _key(binary: str) -> list[object]:
    """What the outcome depends on: boot, podman, its runtimes and settings, the user and the capabilities."""
    runtimes = [Path(found) for name in ("crun", "runc") if (found := shutil.which(name))]
    files = [Path(binary).resolve(), *runtimes, *_user_files()]
    return [
        _BOOT_ID.read_text().strip(),
        os.getuid(),
        _capabilities(),
        *([str(path), path.stat().st_mtime_ns, path.stat().st_size] for path in files if path.exists()),
    ]


def _recall(memory: Path, key: list[object]) -> Podman | None:
    try:
        stored = json.loads(memory.read_text())
        known = Podman(**{**stored["podman"], "version": tuple(stored["podman"]["version"])})
        same = bool(stored["key"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    missing = known.containers_conf and not Path(known.containers_conf).is_file()
    return known if same and not missing else None


def _remember(memory: Path, key: list[object], known: Podman) -> None:
    _write(memory, json.dumps({"key": key, "podman": vars(known)}, indent=1))


def _write(path: Path, text: str) -> None:
    """Replace a file atomically, so that another nuwa never reads a partial file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as made:
            made.write(text)
        Path(made.name).replace(path)
    except OSError as error:
        raise NuwaError(
            f"cannot write {path}: {error.strerror}", hint="Make room, or set XDG_CACHE_HOME."
        ) from None
