"""The difference between the files that a configuration wants and those on disk."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from nuwa.agent import naming
from nuwa.agent.paths import Paths
from nuwa.agent.plan.plan import Plan
from nuwa.agent.schemas import Change
from nuwa.render.render import HostFile


def between(plan: Plan, paths: Paths) -> list[Change]:
    """Every file that would be made, changed or removed, with its difference."""
    changes = [_change(Path(path), file) for path, file in sorted(plan.items())]
    changes += [_change(path, None) for path in sorted(_there(paths)) if str(path) not in plan]
    return [change for change in changes if change["diff"] or change["action"] != "change"]


def _there(paths: Paths) -> Iterator[Path]:
    """The agent's own files on disk, recognised by their names."""
    yield from (path for path in paths.units.glob("nuwa@*.service") if naming.parse(path.name))
    yield from (path for path in paths.environments.glob("nuwa@*.env") if naming.parse(path.name))
    yield from paths.nginx.glob("nuwa@*.conf")


def _change(path: Path, wanted: HostFile | None) -> Change:
    try:
        present: str | None = path.read_text()
    except FileNotFoundError:
        present = None
    action = "remove" if wanted is None else "create" if present is None else "change"
    before, after = (present or ""), (wanted.content if wanted else "")
    if path.suffix == ".env":
        return {"path": str(path), "action": action, "diff": _hidden(before, after)}
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), str(path)
    )
    return {"path": str(path), "action": action, "diff": "".join(lines)}


def _hidden(before: str, after: str) -> str:
    """The difference of two environments, without values, since differences are shown, logged and stored."""
    old, new = (
        dict(re.findall(r'^(\w+)="((?:[^"\\]|\\.)*)"$', text, re.M | re.S)) for text in (before, after)
    )
    lines = []
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            lines += [f"-{name}=…\n"] if name in old else []
            lines += [f"+{name}=…\n"] if name in new else []
    return "".join(lines)
