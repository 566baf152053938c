"""Changes of files brought onto the host, with what has to read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nuwa import files
from nuwa.agent import systemctl
from nuwa.agent.plan import Plan
from nuwa.agent.shapes import Change
from nuwa.agent.work import nginx


def write(changes: Iterable[Change], planned: Plan) -> list[str]:
    """Write, change and remove files, and let systemd and nginx read them.

    Returns:
        what nginx refused.
    """
    contents = {Path(change["path"]): _content(change, planned) for change in changes}
    units = {path: content for path, content in contents.items() if path.suffix in (".service", ".slice")}
    for path, content in units.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            files.write(path, content)
    if units:
        systemctl.reload()
    sites = {path: content for path, content in contents.items() if path not in units}
    return nginx.replace(sites) if sites else []


def _content(change: Change, planned: Plan) -> str | None:
    return None if change["action"] == "remove" else planned[change["path"]].content
