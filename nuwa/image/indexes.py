"""Where a build gets Python packages and uv's Python builds: from the sources that this machine itself uses.

uv's variables take precedence, then uv's settings, then pip's. The result is mounted into a build as one
`uv.toml`, so that addresses, which may hold passwords, are in no layer and no command line.
"""

from __future__ import annotations

import json
import os
import tomllib
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nuwa.errors import BuildError

_UV_VARIABLES = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "UV_NO_INDEX": "no-index",
    "UV_INDEX_STRATEGY": "index-strategy",
    "UV_INSECURE_HOST": "allow-insecure-host",
}
_PYTHON_VARIABLES = {
    "UV_PYTHON_INSTALL_MIRROR": "python-install-mirror",
    "UV_PYTHON_DOWNLOADS_JSON_URL": "python-downloads-json-url",
}
"""Where uv downloads Python itself, which is on no index."""
_PIP_NAMES = {
    "index-url": "index-url",
    "extra-index-url": "extra-index-url",
    "find-links": "find-links",
    "no-index": "no-index",
    "trusted-host": "allow-insecure-host",
}
VARIABLES = (
    *_UV_VARIABLES,
    *_PYTHON_VARIABLES,
    *(f"PIP_{name.replace('-', '_').upper()}" for name in _PIP_NAMES),
)
"""The environment variables that say where packages come from."""
_UV_NAMES = ("index", "keyring-provider", *dict.fromkeys(_UV_VARIABLES.values()))
_SHARED_UV_FILE = Path("/etc/uv/uv.toml")
_SHARED_PIP_FILES = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
_LISTS = ("extra-index-url", "find-links", "allow-insecure-host")

Settings = dict[str, Any]


@dataclass
class Indexes:
    """Settings for uv, and the folders of this machine that they refer to."""

    toml: str
    folders: dict[str, Path] = field(default_factory=dict)
    """By the name below `/mnt` that the settings use for them."""


def find() -> Indexes:
    """This machine's indexes; without settings there are none, and the public index is used."""
    settings = _settings() | _of_pythons()
    folders: dict[str, Path] = {}
    for name in ("index-url", *_LISTS, *_PYTHON_VARIABLES.values()):
        value = settings.get(name)
        if isinstance(value, list):
            settings[name] = [_mounted(address, folders) for address in value]
        elif isinstance(value, str):
            settings[name] = _mounted(value, folders)
    for index in settings.get("index", ()):
        index["url"] = _mounted(index["url"], folders)
    return Indexes(_toml(settings), folders)


def of_this_machine() -> str:
    """The same settings as a `uv.toml` for a program that runs on this machine itself."""
    return _toml(_settings())


def _settings() -> Settings:
    return _of_variables() or _of_uv() or _of_pip()


def _mounted(address: str, folders: dict[str, Path]) -> str:
    """The address as seen in a build, where folders of this machine are mounted below `/mnt`.

    The parent folder of an index is mounted, because its pages point to files next to it.
    """
    parts = urlsplit(address)
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(address)
    if parts.scheme not in ("", "file") or not path.is_absolute() or not path.exists():
        return address
    place = path if len(path.parts) <= 2 or parts.scheme == "" else path.parent
    name = next((name for name, folder in folders.items() if folder == place), f"index-{len(folders)}")
    folders[name] = place
    inside = Path("/mnt", name, path.relative_to(place))
    return f"file://{inside}" if parts.scheme else str(inside)


def _of_variables() -> Settings:
    found: Settings = {}
    for variable, name in _UV_VARIABLES.items():
        value = os.environ.get(variable)
        if value:
            found.setdefault(name, _typed(name, value))
    return found


def _typed(name: str, value: str) -> object:
    if name == "no-index":
        return value.strip().lower() in ("1", "true", "yes", "on")
    return value.split() if name in _LISTS else value.strip()


def _of_pythons() -> Settings:
    kept = {name: value for name, value in _uv_file().items() if name in _PYTHON_VARIABLES.values()}
    given = {
        name: os.environ[variable] for variable, name in _PYTHON_VARIABLES.items() if os.environ.get(variable)
    }
    return kept | given


def _of_uv() -> Settings:
    return {name: value for name, value in _uv_file().items() if name in _UV_NAMES}


def _uv_file() -> Settings:
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = os.environ.get("UV_CONFIG_FILE")
    files = [Path(own)] if own else [home / "uv" / "uv.toml", _SHARED_UV_FILE]
    for file in files:
        if file.is_file():
            try:
                read = tomllib.loads(file.read_text())
            except (OSError, ValueError) as error:
                raise BuildError(f"cannot read uv's settings in {file}: {error}") from None
            return read
    return {}


def _of_pip() -> Settings:
    """pip takes the newest version from all indexes, so with pip's settings uv has to do the same."""
    read: dict[str, str] = {}
    for file in _pip_files():
        parser = ConfigParser(interpolation=None)
        try:
            parser.read(file)
        except (Error, UnicodeDecodeError) as error:
            raise BuildError(f"cannot read pip's settings in {file}: {error}") from None
        for section in ("global", "install"):
            if parser.has_section(section):
                read.update(parser.items(section))
    read.update({name: os.environ[key] for name in _PIP_NAMES if (key := _pip_variable(name)) in os.environ})
    found = {own: _typed(own, read[name]) for name, own in _PIP_NAMES.items() if read.get(name, "").strip()}
    if "extra-index-url" in found:
        found["index-strategy"] = "unsafe-best-match"
    return found


def _pip_variable(name: str) -> str:
    return f"PIP_{name.replace('-', '_').upper()}"


def _pip_files() -> list[Path]:
    own = os.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    user = [Path.home() / ".pip" / "pip.conf", home / "pip" / "pip.conf"]
    return [*_SHARED_PIP_FILES, *user, *([Path(own)] if own else [])]


def _toml(settings: Settings) -> str:
    plain = {name: value for name, value in settings.items() if name != "index"}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    for index in settings.get("index", ()):
        lines += ["[[index]]", *(f"{key} = {json.dumps(value)}" for key, value in index.items())]
    return "".join(f"{line}\n" for line in lines)
