"""What the dashboard knows of the host: the agent's listing, kept up to date by the events of its stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from nuwa.agent.schemas import (
    HISTORY_SAMPLES,
    LAST_LINES,
    LISTED_OUTPUT_CHARS,
    Hook,
    Line,
    Listing,
    ServiceRow,
    Usage,
)
from nuwa.dashboard import formatting
from nuwa.web.rewritten_lines import extended

Numbers = list[float | None]


class Board:
    """Services and webhooks as they were told last."""

    def __init__(self) -> None:
        self.rows: dict[str, ServiceRow] = {}
        self.hooks: dict[str, Hook] = {}
        self.revision = self.applied = ""
        self._history: dict[str, deque[Numbers]] = {}

    def load(self, listing: Listing) -> tuple[bool, list[str], list[str]]:
        """Take a whole listing.

        Returns:
            whether there are others than before, or another configuration was applied; and else which
            services and which webhooks changed.
        """
        rows = {row["name"]: row for row in listing["ps"]}
        hooks = {hook["name"]: hook for hook in listing["hooks"]}
        is_new = (list(rows), list(hooks)) != (list(self.rows), list(self.hooks))
        is_new = is_new or listing["applied"] != self.applied
        changed = (
            [] if is_new else [name for name, row in rows.items() if _news(self.rows[name]) != _news(row)]
        )
        changed_hooks = [] if is_new else [name for name, hook in hooks.items() if self.hooks[name] != hook]
        self.rows, self.hooks = rows, hooks
        self.revision, self.applied = listing["revision"], listing["applied"]
        self._history = {name: self._history.get(name, deque(maxlen=HISTORY_SAMPLES)) for name in rows}
        return is_new, changed, changed_hooks

    def load_history(self, services: Mapping[str, list[Usage]]) -> None:
        """Take the samples that the agent has kept."""
        for name, samples in services.items():
            if name in self._history:
                self._history[name] = deque(map(formatting.numbers, samples), maxlen=HISTORY_SAMPLES)

    def put(self, row: ServiceRow) -> bool:
        """Take a service that changed; False if there was none of this name."""
        if row["name"] not in self.rows:
            return False
        before = self.rows[row["name"]]
        self.rows[row["name"]] = {**row, "last": before["last"] or row["last"]}
        return True

    def put_hook(self, hook: Hook) -> bool:
        """Take a webhook that changed; False if there was none of this name."""
        is_known = hook["name"] in self.hooks
        if is_known:
            self.hooks[hook["name"]] = hook
        return is_known

    def grow(self, output: Mapping[str, Any]) -> bool | None:
        """Take what a command of a run wrote.

        Returns:
            whether it begins or ends with that; None if it is not a command of a known run.
        """
        hook = self.hooks.get(output["hook"])
        if hook is None or hook["run"] != output["run"]:
            return None
        lines = hook["lines"]
        last = lines[-1] if lines else None
        begins = last is None or last["code"] is not None or last["command"] != output["command"]
        if last is None or begins:
            last = {"command": output["command"], "output": "", "duration": 0.0, "code": None}
            lines.append(last)
        last["output"] = extended(last["output"], output["text"])[-LISTED_OUTPUT_CHARS:]
        last["duration"], last["code"] = output["duration"], output["code"]
        return begins or output["code"] is not None

    def add(self, line: Line) -> bool:
        """Take a line of the log; False if it belongs to nothing here, or was there already."""
        row = self.rows.get(line["service"])
        if row is None or any(old["cursor"] == line["cursor"] for old in row["last"]):
            return False
        row["last"] = [*row["last"], line][-LAST_LINES:]
        return True

    def sample(self, services: Mapping[str, Usage]) -> dict[str, Numbers]:
        """Take a sample of all services.

        Returns:
            the numbers of those that are not as they were.
        """
        changed = {}
        for name, usage in services.items():
            row = self.rows.get(name)
            if row is None:
                continue
            row["usage"] = usage
            numbers, history = formatting.numbers(usage), self._history[name]
            if not history or history[-1] != numbers:
                changed[name] = numbers
            history.append(numbers)
        return changed

    def history(self, name: str) -> list[Numbers]:
        """The samples of a service, the oldest first."""
        return list(self._history.get(name, ()))

    def counts(self) -> dict[str, int]:
        """How many services do what, the host's own included."""
        found = {"running": 0, "stopped": 0, "unstarted": 0}
        for row in self.rows.values():
            key = "running" if row["status"] in ("running", "starting", "stopping") else row["status"]
            found[key] = found.get(key, 0) + 1
        return found


def _news(row: ServiceRow) -> dict[str, Any]:
    """A row without its samples."""
    return {key: value for key, value in row.items() if key != "usage"}
