"""The name of an app, taken from the project or its folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from nuwa.requirements import kinds

_GENERIC = frozenset(
    {
        *(
            "app",
            "src",
            "backend",
            "web",
            "project",
            "django",
            "flask",
            "fastapi",
            "celery",
            "api",
            "server",
            "code",
            "site",
        ),
        *("website", "main", "application", "service", "back", "www", "core", "config", "services"),
    }
)
"""Names too generic for an app: the folder above then gives a better one."""


def app_name(text: str) -> str:
    """The valid app name that is nearest to a text."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    named = words if words[:1].isalpha() else f"app-{words}"
    return named[:39].strip("-")


def choose(folder: Path, pyproject: dict[str, Any]) -> str:
    """The name that pyproject.toml gives, else the folder's; if both are generic, that of a folder above."""
    named = [
        kinds.table(pyproject, "project").get("name"),
        kinds.table(pyproject, "tool", "poetry").get("name"),
    ]
    here = folder.resolve()
    choices = [str(name) for name in named if isinstance(name, str) and name.strip()] + [here.name]
    useful = [
        name for name in choices if app_name(name) not in ("app", "app-") and app_name(name) not in _GENERIC
    ]
    above = next((folder.name for folder in here.parents[:3] if app_name(folder.name) not in _GENERIC), "")
    if (
        not useful
        and above
        and not re.fullmatch(r"tmp|home|srv|root|opt|mnt|var|usr|work\w*|projects|repos", above)
    ):
        return app_name(above)
    return app_name(next(iter([*useful, *choices])))
