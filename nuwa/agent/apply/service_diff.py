"""Which services a new configuration affects, stored so that an interruption loses nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nuwa import files
from nuwa.agent import naming
from nuwa.agent.config.model import Process
from nuwa.agent.config.resolved import Loaded
from nuwa.agent.paths import Paths
from nuwa.agent.schemas import Change

PENDING = "pending.json"


@dataclass(frozen=True)
class Difference:
    """Plain processes by what is to be done with them.

    Args:
        new: to be started.
        changed: to be restarted, if they are running.
        gone: to be stopped.
    """

    new: list[str]
    changed: list[str]
    gone: list[str]

    @classmethod
    def between(cls, before: Loaded, after: Loaded, changes: Iterable[Change], paths: Paths) -> Difference:
        """What a change of configuration affects, including what an interrupted one left to do."""
        old, now = _plain(before), _plain(after)
        pending = files.read_json(paths.state / PENDING, {})
        units = [naming.parse(Path(change["path"]).name) for change in changes]
        touched = {unit.service for unit in units if unit} | set(pending.get("changed", ()))
        fresh = (set(now) - set(old)) | (set(pending.get("new", ())) & set(now))
        return cls(
            sorted(name for name in fresh if now[name].autostart),
            sorted(touched & set(now) & set(old) - fresh),
            sorted(set(old) - set(now)),
        )

    def remember(self, paths: Paths) -> None:
        """Record what is to be done, before anything is."""
        files.write_json(paths.state / PENDING, {"new": self.new, "changed": self.changed})

    def forget(self, paths: Paths) -> None:
        """Remove the record: all is done."""
        (paths.state / PENDING).unlink(missing_ok=True)


def _plain(loaded: Loaded) -> dict[str, Process]:
    return {name: item for name, item in loaded.config.processes.items() if not item.is_deployment}
