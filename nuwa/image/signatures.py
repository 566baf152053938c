"""What podman's signature policy requires of an image before it may be pulled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nuwa.errors import NuwaError

_WORDS = {
    "insecureAcceptAnything": "anything is accepted: signatures are not checked",
    "reject": "nothing from there is accepted",
    "signedBy": "a GPG signature is required",
    "sigstoreSigned": "a sigstore signature is required",
}


def policy_file() -> Path:
    """The policy that podman reads: the user's own, or else the machine's (containers-policy.json(5))."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    own = Path(home) / "containers" / "policy.json"
    return own if own.is_file() else Path("/etc/containers/policy.json")


def policy_for(reference: str, file: Path | None = None) -> str:
    """What the policy requires of `reference` when it is pulled from a registry, in words.

    Raises:
        NuwaError: a policy exists, but cannot be read.
    """
    path = file or policy_file()
    try:
        policy: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return f"there is no {path}, so podman pulls nothing"
    except (OSError, ValueError) as error:
        raise NuwaError(f"{path} cannot be read: {error}") from None
    scopes: dict[str, Any] = policy.get("transports", {}).get("docker", {})
    scope = next((name for name in _scopes(reference) if name in scopes), None)
    demands = scopes[scope] if scope is not None else policy.get("default", [])
    words = [_demand(demand) for demand in demands]
    where = f"{path}, {scope}" if scope else f"{path}, default"
    return f"{'; '.join(words)} ({where})"


def _scopes(reference: str) -> Iterator[str]:
    """The scopes under which a policy may list an image, the most specific first."""
    name = reference
    yield name
    if ":" in name.rpartition("/")[2]:
        name = name.rpartition(":")[0]
        yield name
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
    host = name.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        yield f"*.{host}"
    yield ""


def _demand(demand: dict[str, Any]) -> str:
    kind = str(demand.get("type"))
    keys = [str(demand[key]) for key in ("keyPath", "fulcio", "keyData") if isinstance(demand.get(key), str)]
    shown = f" by {', '.join(keys)}" if keys and "keyData" not in demand else ""
    return _WORDS.get(kind, kind) + shown
