"""Writes files to the host, and has the programs that use them reload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from nuwa import files
from nuwa.agent import naming
from nuwa.agent.apply import nginx
from nuwa.agent.host import systemctl
from nuwa.agent.plan.plan import Plan
from nuwa.agent.schemas import Change
from nuwa.render.render import HostFile

Contents = dict[Path, HostFile | None]
"""Files with their wanted content; None: to be removed."""


def write(changes: Iterable[Change], planned: Plan) -> list[str]:
    """Write, change and remove files, and have systemd, nginx and the log services reload them.

    Returns:
        what nginx rejected.
    """
    groups: dict[str, Contents] = {"systemd": {}, "nginx": {}, "log": {}}
    for change in changes:
        path = Path(change["path"])
        file = planned.get(change["path"])
        group = file.group if file else "systemd" if naming.parse(path.name) else "nginx"
        groups[group][path] = file
    put(groups["systemd"])
    if groups["systemd"]:
        systemctl.reload()
    put(groups["log"])
    _reload_log(groups["log"])
    texts = {path: file.content if file else None for path, file in groups["nginx"].items()}
    return nginx.replace(texts) if texts else []


def put(contents: Mapping[Path, HostFile | None]) -> None:
    """Write and remove files."""
    for path, file in contents.items():
        if file is None:
            path.unlink(missing_ok=True)
        else:
            files.write(path, file.content, mode=file.mode)


def _reload_log(contents: Contents) -> None:
    """No line is lost: systemd keeps journald's connections, and the journal keeps what rsyslog reads."""
    names = {path.name for path in contents}
    if any("journald" in str(path) for path in contents):
        systemctl.restart(["systemd-journald.service"])
    if "log.conf" in names and systemctl.is_active(naming.LOG):
        systemctl.restart([naming.LOG])
