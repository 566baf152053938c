"""A container as podman describes it, through its API or its command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from nuwa.agent.schemas import Check, ContainerRow
from nuwa.names import LABEL_APP

MAX_TEXT = 200
"""Maximum length of any text that is kept, in characters."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """The state of a container; times are Unix seconds, sizes bytes.

    Args:
        status: as podman reports it: `running`, `exited`, …
        health: `healthy`, `unhealthy`, `starting`; empty without a health check.
        health_since: since when it has this health, if known.
        oom: whether it was killed because it ran out of memory.
        image: the first 12 digits of its id.
    """

    name: str
    id: str
    status: str
    health: str = ""
    health_since: float | None = None
    started: float | None = None
    exit_code: int | None = None
    oom: bool = False
    image: str = ""
    image_created: float | None = None
    image_size: int | None = None

    def row(self) -> ContainerRow:
        """The form in the control API."""
        return {
            "id": self.id[:12],
            "status": self.status,
            "health": self.health,
            "health_since": self.health_since,
            "oom": self.oom,
            "exit_code": self.exit_code,
            "image": self.image,
            "image_created": self.image_created,
            "image_size": self.image_size,
        }

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(value: Any) -> Container | None:
    """The reverse of `as_json`; None for anything else."""
    try:
        return Container(**value)
    except TypeError:
        return None


def parse(inspected: Any, image: Any = None) -> Container | None:
    """A container from the output of `podman inspect` for it and its image; unknown fields are ignored.

    Returns:
        None for anything that is not a container of nuwa's.
    """
    config, state = _table(inspected, "Config"), _table(inspected, "State")
    if not isinstance(inspected, Mapping) or LABEL_APP not in _table(config, "Labels"):
        return None
    name, identity = _text(inspected, "Name"), _text(inspected, "Id")
    if not name or not identity:
        return None
    health = _table(state, "Health") or _table(state, "Healthcheck")  # podman before 4.0
    started = _time(state.get("StartedAt"))
    status = _text(state, "Status")
    is_over = status in ("exited", "stopped")
    return Container(
        name=name.lstrip("/"),
        id=identity,
        status=status,
        health=_text(health, "Status"),
        health_since=_streak(health.get("Log")) or started,
        started=started,
        exit_code=_number(state.get("ExitCode")) if is_over else None,
        oom=state.get("OOMKilled") is True,
        image=_text(inspected, "Image").removeprefix("sha256:")[:12],
        image_created=_time(image.get("Created")) if isinstance(image, Mapping) else None,
        image_size=_number(image.get("Size")) if isinstance(image, Mapping) else None,
    )


_VERDICTS = {"healthy": "ok", "unhealthy": "failed", "starting": "warning"}


def check(service: str, found: Container) -> Check | None:
    """Its health as a check of the monitor; None without a health check."""
    if found.health not in _VERDICTS:
        return None
    return {
        "name": f"health {service}",
        "kind": "process",
        "service": service,
        "state": _VERDICTS[found.health],
        "since": found.health_since or 0.0,
        "message": f"podman's health check: {found.health}",
    }


def worst(found: Iterable[Container]) -> Container | None:
    """The container of a service with the worst health; the first one if all are healthy."""
    return min(found, key=lambda one: (one.status == "running", _HEALTH.get(one.health, 2)), default=None)


_HEALTH = {"unhealthy": 0, "starting": 1}


def after(before: Container | None, now: Container) -> Container:
    """The container with the earlier time of its last change of health, which podman soon forgets."""
    is_same = before is not None and (before.id, before.health) == (now.id, now.health)
    return replace(now, health_since=before.health_since) if before and is_same else now


def _streak(log: Any) -> float | None:
    """When the current streak of equal results began; None if all kept ones are equal, or there are none."""
    checks = [check for check in log if isinstance(check, Mapping)] if isinstance(log, list) else []
    begun = None
    for check in reversed(checks):
        if bool(check.get("ExitCode")) != bool(checks[-1].get("ExitCode")):
            return begun
        begun = _time(check.get("Start"))
    return None


def _table(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    return found[:MAX_TEXT] if isinstance(found, str) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Any) -> float | None:
    """A time in podman's JSON; None for its zero value, and for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.timestamp() if found.year > 1970 else None
