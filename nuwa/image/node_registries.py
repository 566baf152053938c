"""Where a build gets packages for Node: from where this machine gets its own.

npm's settings count, those of its environment first, then the user's, then the machine's (npmrc(5)). They
reach a build as mounted files for its home folder, so that addresses, which may hold passwords, are in no
layer and no command line. pnpm and the older Yarn read npm's; the newer Yarn has a file of its own, and gets
npm's registry where this machine has none.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nuwa.errors import BuildError

_KEPT = re.compile(
    r"(?:@[^:\s]+:)?registry|//\S+:\S+|(?:https?-)?proxy|noproxy|strict-ssl|always-auth"
    r"|replace-registry-host|fetch-[a-z-]+|network-concurrency|maxsockets|_auth|_authToken"
)
"""Settings about registries and the way to them. Others are about this machine: its folders, its Node."""
_VARIABLE = re.compile(r"npm_config_(.+)", re.IGNORECASE)
_SHARED = (Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path("/etc/npmrc"))
YARN_VARIABLES = re.compile(r"YARN_(?:NPM|HTTPS?)_\w+")
"""Variables by which Yarn is told its registry and the way to it."""


@dataclass(frozen=True)
class Registries:
    """Settings for a home folder in a build."""

    npmrc: str
    yarnrc: str
    """Of Yarn 2 and later."""


def find(authorities: str = "") -> Registries:
    """This machine's registries; none where it has no settings, and the public one counts.

    Args:
        authorities: path of the certificate authorities' file in a build; empty: there is none.

    Raises:
        BuildError: a file of settings cannot be read.
    """
    settings = _settings()
    npmrc = {**settings, **({"cafile": authorities} if authorities else {})}
    return Registries(
        "".join(f"{name}={value}\n" for name, value in npmrc.items()),
        _yarnrc(settings.get("registry", ""), authorities),
    )


def named_variables(text: str) -> set[str]:
    """Variables of the environment that a file of settings refers to: `${NPM_TOKEN}`."""
    return set(re.findall(r"\$\{(\w+)[^}]*\}", text))


def _settings() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _files():
        found |= {name: value for name, value in _read(file) if _KEPT.fullmatch(name)}
    return found | _of_variables()


def _files() -> list[Path]:
    """The machine's, then the user's, whose settings replace those of before."""
    shared, own = _variable("globalconfig"), _variable("userconfig")
    return [*([Path(shared)] if shared else _SHARED), Path(own) if own else Path.home() / ".npmrc"]


def _variable(name: str) -> str:
    return next(
        (value for key, value in os.environ.items() if key.lower() == f"npm_config_{name}" and value), ""
    )


def _read(file: Path) -> list[tuple[str, str]]:
    if not file.is_file():
        return []
    lines = [line.strip() for line in _text(file).splitlines()]
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#;[")
    return [(name.strip(), _expanded(value.strip().strip("\"'"))) for name, _, value in pairs]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"cannot read npm's settings in {file}: {error}") from None


def _expanded(value: str) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], found[0]), value)


def variables() -> list[str]:
    """Names of this machine's variables that say where npm's packages come from."""
    return [key for key, value in os.environ.items() if _setting(key, value)]


def _of_variables() -> dict[str, str]:
    return {name: value for key, value in os.environ.items() if (name := _setting(key, value))}


def _setting(key: str, value: str) -> str:
    """The setting that a variable gives, empty where it gives none."""
    named = _VARIABLE.fullmatch(key)
    if not named or not value or "\n" in value:
        return ""
    raw = named[1]
    name = raw if raw.startswith(("//", "@", "_")) else raw.lower().replace("_", "-")
    return name if _KEPT.fullmatch(name) else ""


def _yarnrc(registry: str, authorities: str) -> str:
    own = Path.home() / ".yarnrc.yml"
    if own.is_file():
        return _text(own)
    lines = [("npmRegistryServer", registry), ("httpsCaFilePath", authorities)]
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in lines if value)
