"""The difference between the files that a configuration wants and those on disk."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from nuwa.agent import naming
from nuwa.agent.paths import Paths
from nuwa.agent.plan import Plan
from nuwa.agent.shapes import Change


def between(plan: Plan, paths: Paths) -> list[Change]:
    """Every file that would be made, changed or removed, with its difference."""
    changes = [_change(Path(path), file.content) for path, file in sorted(plan.items())]
    changes += [_change(path, None) for path in sorted(_there(paths)) if str(path) not in plan]
    return [change for change in changes if change["diff"] or change["action"] != "change"]


def _there(paths: Paths) -> Iterator[Path]:
    """The files on disk that are the agent's own: their names say so."""
    yield from (path for path in paths.units.glob("nuwa@*.service") if naming.parse(path.name))
    yield from paths.nginx.glob("nuwa@*.conf")


def _change(path: Path, wanted: str | None) -> Change:
    try:
        present: str | None = path.read_text()
    except FileNotFoundError:
        present = None
    action = "remove" if wanted is None else "create" if present is None else "change"
    lines = difflib.unified_diff(
        (present or "").splitlines(keepends=True),
        (wanted or "").splitlines(keepends=True),
        str(path),
        str(path),
    )
    return {"path": str(path), "action": action, "diff": "".join(lines)}
