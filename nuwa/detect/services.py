"""Whether a project uses Valkey or Redis, and which variables it reads the address from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from nuwa.detect.model import Service, Variable
from nuwa.detect.testimony import Testimony

_PACKAGES = frozenset(
    {"redis", "valkey", "django-redis", "channels-redis", "rq", "django-rq", "arq", "aioredis"}
)
_QUEUES = frozenset({"celery", "rq", "django-rq", "arq", "dramatiq", "huey", "saq", "taskiq-redis"})
"""Packages that keep jobs in Valkey, which have to survive a restart."""
_SERVERS = frozenset({"redis", "valkey"})
_ADDRESS = re.compile(r"rediss?://[^/]*(?:/(\d+))?")
_OWN = re.compile(r"(?:[A-Z0-9]+_)*(?:REDIS|VALKEY)(?:_[A-Z0-9]+)*_?UR[LI]")
_USUAL = re.compile(
    r"(?:[A-Z0-9]+_)*(?:BROKER_UR[LI]|RESULT_BACKEND|CACHE_UR[LI]|CHANNEL_LAYERS?_UR[LI]|RESULT_BACKEND_UR[LI])"
)
"""Names that state the server's purpose, but not its kind."""
_PART = re.compile(r"(?:[A-Z0-9]+_)*(?:REDIS|VALKEY)_(HOST|HOSTNAME|SERVER|PORT|PASSWORD|PASS)")
_PARTS = {"HOST": "host", "HOSTNAME": "host", "SERVER": "host", "PORT": "port", "PASSWORD": "password"}


def find(
    variables: Iterable[Variable], packages: Mapping[str, set[str]], said: Testimony
) -> tuple[Service | None, list[str]]:
    """The service, and sentences about what a person has to do for it.

    Args:
        variables: what the code reads.
        packages: the required packages, each with its extras.
    """
    variables = list(variables)
    names = {item.name: item.default or "" for item in variables}
    told = {name: value for name, value in said.environment.items() if _ADDRESS.match(value)}
    names |= {name: value for name, value in told.items() if not names.get(name)}
    client = _client(packages)
    runs_elsewhere = sorted(said.services & _SERVERS)
    used = bool(runs_elsewhere or client)
    queued = bool(_QUEUES.intersection(packages))
    env = {name: part for name, value in sorted(names.items()) if (part := _url(name, value, said, used))}
    parts = {
        name: _PARTS.get(found[1], "password") for name in sorted(names) if (found := _PART.fullmatch(name))
    }
    are_needed = bool(
        queued or runs_elsewhere or any(item.required for item in variables if item.name in parts)
    )
    if are_needed and _have_password(parts):
        env |= parts
    if env:
        where = f"{client} in the requirements" if client else "the addresses in the code"
        return Service(env, queued, where), []
    return None, [sentence] if (sentence := _left_to_do(parts, runs_elsewhere, client)) else []


def _client(packages: Mapping[str, set[str]]) -> str:
    """The required package that talks to such a server; empty: none."""
    named = next((name for name in sorted(_PACKAGES) if name in packages), "")
    return named or next((f"{name}[redis]" for name in sorted(packages) if "redis" in packages[name]), "")


def _have_password(parts: Mapping[str, str]) -> bool:
    return {"host", "password"} <= set(parts.values())


def _left_to_do(parts: Mapping[str, str], runs_elsewhere: Sequence[str], client: str) -> str:
    """What a person has to do if no variable gets an address; empty: nothing."""
    listed = " and ".join(parts)
    if _have_password(parts):
        return f'{listed} are optional; a [[service]] with engine = "valkey" provides them'
    if parts:
        return f"{listed} have no password, which a [[service]] requires: read REDIS_URL instead"
    if runs_elsewhere:
        kind = " and ".join(runs_elsewhere)
        return f"the app uses {kind}: have the code read its address from REDIS_URL"
    if client:
        return f"{client} is required, but no variable has its address: have the code read REDIS_URL"
    return ""


def _url(name: str, value: str, said: Testimony, used: bool) -> str:
    """What a variable gets: the address, with the number of the database that it names; empty: nothing."""
    given = _ADDRESS.match(value)
    if given:
        number = given[1] or "0"
        return "url" if number == "0" else f"redis://:{{password}}@{{host}}:{{port}}/{number}"
    if value and "://" in value:
        return ""
    if _OWN.fullmatch(name):
        return "url"
    broker = "BROKER" in name and "rabbitmq" in said.services
    return "url" if used and not value and not broker and _USUAL.fullmatch(name) else ""
