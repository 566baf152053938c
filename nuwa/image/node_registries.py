"""Where a build gets packages for Node: from the registries that this machine itself uses.

npm's settings are used: those of its environment take precedence, then the user's, then the machine's
(npmrc(5)). They are mounted into a build as files for its home folder, so that addresses, which may hold
passwords, are in no layer and no command line. pnpm and Yarn 1 read npm's settings; Yarn 2 and later have
their own file, and use npm's registry if this machine has none for them.
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
"""Settings about registries and how to reach them. Others concern this machine: its folders, its Node."""
_VARIABLE = re.compile(r"npm_config_(.+)", re.IGNORECASE)
_SHARED = (Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path("/etc/npmrc"))
YARN_VARIABLES = re.compile(r"YARN_(?:NPM|HTTPS?)_\w+")
"""Variables that tell Yarn its registry and how to reach it."""


@dataclass(frozen=True)
class Registries:
    """Settings for a home folder in a build."""

    npmrc: str
    yarnrc: str
    """For Yarn 2 and later."""


def find(authorities: str = "") -> Registries:
    """This machine's registries; without settings there are none, and the public registry is used.

    Args:
        authorities: path of the file of certificate authorities in a build; empty: there is none.

    Raises:
        BuildError: a settings file cannot be read.
    """
    settings = _settings()
    npmrc = {**settings, **({"cafile": authorities} if authorities else {})}
    return Registries(
        "".join(f"{name}={value}\n" for name, value in npmrc.items()),
        _yarnrc(settings.get("registry", ""), authorities),
    )


def named_variables(text: str) -> set[str]:
    """Environment variables that a settings file refers to, such as `${NPM_TOKEN}`."""
    return set(re.findall(r"\$\{(\w+)[^}]*\}", text))


def _settings() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _files():
        found |= {name: value for name, value in _read(file) if _KEPT.fullmatch(name)}
    return found | _of_variables()


def _files() -> list[Path]:
    """The machine's file, then the user's, whose settings override the machine's."""
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
    """Names of this machine's variables that say where npm packages come from."""
    return [key for key, value in os.environ.items() if _setting(key, value)]


def _of_variables() -> dict[str, str]:
    return {name: value for key, value in os.environ.items() if (name := _setting(key, value))}


def _setting(key: str, value: str) -> str:
    """The setting that a variable stands for; empty if it is not one."""
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
