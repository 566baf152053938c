"""Who called this command line, for the audit trail: the user before sudo, and the ssh login behind it."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nuwa.agent.audit import Actor

MAX_PARENTS = 32
_NOBODY = 2**32 - 1
"""The kernel's login id of a process that belongs to no login."""


def caller() -> Actor:
    """The user who called this command, as far as the kernel, sudo and sshd reveal it."""
    from nuwa.agent.audit import Actor

    proc = Path("/proc")
    environment = _environment_of_login(proc)
    who = os.environ.get("SUDO_USER") or _login(proc) or _name(os.getuid())
    if not environment:
        return Actor(who, "command line")
    return Actor(who, "ssh", source(environment))


def headers() -> dict[str, str]:
    """The same, as headers of the control API."""
    actor = caller()
    return {"X-Nuwa-Who": actor.who, "X-Nuwa-Way": actor.way, "X-Nuwa-From": actor.source}


def source(environment: Mapping[str, str]) -> str:
    """Where an ssh login came from: its address, and its key if sshd reveals it (`ExposeAuthInfo yes`)."""
    address = environment.get("SSH_CONNECTION", "").split(" ")[0]
    key = _fingerprint(environment.get("SSH_USER_AUTH", ""))
    return " ".join(part for part in (address, key) if part)


def _fingerprint(path: str) -> str:
    """The key in sshd's file about a login, as `ssh-add -l` prints it; empty if there is none."""
    try:
        lines = Path(path).read_text().splitlines() if path else []
        keys = [line.split(" ") for line in lines if line.startswith("publickey ")]
        digest = hashlib.sha256(base64.b64decode(keys[0][2])).digest()
    except (OSError, ValueError, IndexError):
        return ""
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _environment_of_login(proc: Path) -> dict[str, str]:
    """The environment of the nearest process of an ssh login: sudo removes its variables for the command."""
    number = os.getpid()
    for _ in range(MAX_PARENTS):
        found = _environment(proc / str(number) / "environ")
        if "SSH_CONNECTION" in found:
            return found
        number = _parent(proc / str(number) / "stat")
        if number <= 1:
            break
    return {}


def _environment(path: Path) -> dict[str, str]:
    try:
        parts = path.read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    return dict(part.split("=", 1) for part in parts if "=" in part)


def _parent(path: Path) -> int:
    try:
        return int(path.read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _login(proc: Path) -> str:
    try:
        number = int((proc / "self/loginuid").read_text())
    except (OSError, ValueError):
        return ""
    return "" if number == _NOBODY else _name(number)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
