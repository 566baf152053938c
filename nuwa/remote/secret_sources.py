"""Secrets from password managers and files: read here with the tool's command line, sent to hosts by ssh.

No argument and no log contains a value: tools print it, and hosts read it from standard input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuwa.errors import NuwaError
from nuwa.manifest.deploy import SecretSource
from nuwa.manifest.model import App
from nuwa.process import run

TIMEOUT_S = 120
"""Seconds that a tool may take: somebody may have to unlock it first."""


@dataclass(frozen=True)
class Kind:
    """A tool that keeps secrets.

    Args:
        argv: its command line for a source.
        read: parses its output into names and values.
    """

    argv: Callable[[SecretSource], list[str]]
    read: Callable[[str], Mapping[str, Any]]


def find(app: App, group: str, names: Sequence[str], project: Path) -> dict[str, str]:
    """The values of secrets that the sources in nuwa.toml provide; the first source that has one wins.

    Args:
        group: the group of hosts that they are for; empty: no group.
        names: the secrets that are wanted; nothing else is taken.
        project: the folder that paths of files start from.

    Raises:
        NuwaError: a tool is missing or failed, or its output cannot be parsed.
    """
    found: dict[str, str] = {}
    for source in app.deploy.secrets:
        wanted = [name for name in names if name not in found]
        if wanted and source.group in ("", group):
            kept = read(source, project)
            for name in wanted:
                value = kept.get(source.names.get(name, name))
                if isinstance(value, (str, int, float)) and value != "":
                    found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def read(source: SecretSource, project: Path) -> Mapping[str, Any]:
    """Everything that one source holds, under the source's own names.

    Raises:
        NuwaError: the tool is missing or failed, or its output cannot be parsed.
    """
    kind = KINDS[source.kind]
    about = f"secrets from {source.kind} ({source.source})"
    argv = kind.argv(source)
    done = run(argv, cwd=project, check=False, timeout=TIMEOUT_S)
    if not done.ok:
        # Its standard output may hold values; it reports failures on standard error.
        raise NuwaError(f"{about}: {argv[0]} ended with {done.code}", details=done.stderr.strip())
    try:
        return kind.read(done.stdout)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NuwaError(
            f"{about}: what {argv[0]} printed cannot be read",
            hint="It has to hold names with values: a JSON object, or lines of NAME=VALUE.",
        ) from None


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _object_or_lines(text: str) -> dict[str, Any]:
    """A JSON object, or lines of NAME=VALUE as in a .env file."""
    if text.lstrip().startswith("{"):
        return _object(text)
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if line.strip() and not line.lstrip().startswith("#"):
            if not equals:
                raise ValueError
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _of_onepassword(text: str) -> dict[str, Any]:
    fields = _object(text)["fields"]
    return {field["label"]: field.get("value") for field in fields if "label" in field}


def _of_bitwarden(text: str) -> dict[str, Any]:
    item = _object(text)
    login = item.get("login") or {}
    own = {field["name"]: field["value"] for field in item.get("fields") or []}
    return {"username": login.get("username"), "password": login.get("password"), **own}


def _of_vault(text: str) -> dict[str, Any]:
    """Version 2 of the key-value engine wraps the values in one more object than version 1."""
    data = _object(text)["data"]
    inner = data.get("data")
    return dict(inner) if isinstance(inner, dict) and "metadata" in data else dict(data)


def _onepassword(source: SecretSource) -> list[str]:
    vault, slash, item = source.source.rpartition("/")
    return ["op", "item", "get", item, *(["--vault", vault] if slash else []), "--format", "json"]


def _age(source: SecretSource) -> list[str]:
    identity = ["--identity", str(Path(source.identity).expanduser())] if source.identity else []
    return ["age", "--decrypt", *identity, str(Path(source.source).expanduser())]


KINDS: Mapping[str, Kind] = {
    "sops": Kind(lambda one: ["sops", "--decrypt", "--output-type", "json", one.source], _object),
    "age": Kind(_age, _object_or_lines),
    "1password": Kind(_onepassword, _of_onepassword),
    "bitwarden": Kind(lambda one: ["bw", "get", "item", one.source], _of_bitwarden),
    "vault": Kind(lambda one: ["vault", "kv", "get", "-format=json", one.source], _of_vault),
    "aws": Kind(
        lambda one: [
            *("aws", "secretsmanager", "get-secret-value", "--secret-id", one.source),
            *("--output", "json"),
        ],
        lambda text: _object_or_lines(_object(text)["SecretString"]),
    ),
}
