"""The last state of each check, and when a change is worth an alert."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from nuwa.agent.database import Database
from nuwa.agent.monitor import events
from nuwa.agent.monitor.results import Finding
from nuwa.agent.schemas import Alert, Check

SETTLED_ROUNDS = 2
"""How often in a row a new state must be seen to count, so that brief changes raise no alert."""
KEPT_ALERTS = 1000
"""Alerts that are kept."""
ALERTS = (
    "select alerts.*, event, service, advice from alerts "
    "left join alert_details on alert_details.alert = alerts.id"
)
"""The query for alerts with their details."""


@dataclass
class _Pending:
    """A state that is new, and how often it was seen."""

    state: str
    seen: int


class States:
    """The states of all checks, on disk, so that a restart of the agent repeats no alert."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[str, _Pending] = {}

    def take(self, findings: Sequence[Finding], repeat: float) -> None:
        """Store the findings of a round.

        Args:
            repeat: seconds after which a persisting failure raises another alert.
        """
        known = {row["name"]: row for row in self._database.rows("select * from checks")}
        now = time.time()
        with self._database.change() as change:
            for finding in findings:
                self._take(change, finding, known.get(finding.name), now, repeat)
            for name in set(known) - {finding.name for finding in findings}:
                change.execute("delete from checks where name = ?", (name,))
                self._pending.pop(name, None)

    def _take(
        self, change: sqlite3.Connection, finding: Finding, row: sqlite3.Row | None, now: float, repeat: float
    ) -> None:
        before = row["state"] if row else "unknown"
        is_news = self._is_news(finding, before)
        if is_news or row is None:
            state = finding.state if is_news else before
            values = (finding.name, finding.kind, finding.service, state, now, finding.message, None)
            change.execute("insert or replace into checks values (?, ?, ?, ?, ?, ?, ?)", values)
        elif row["message"] != finding.message:
            change.execute("update checks set message = ? where name = ?", (finding.message, finding.name))
        lasts = row is not None and before == "failed" and row["told"] and now - row["told"] > repeat
        if (is_news and _matters(before, finding.state)) or (lasts and finding.state == "failed"):
            _alert(change, finding, now)

    def _is_news(self, finding: Finding, before: str) -> bool:
        """Whether a finding changes the state of its check: if it was seen often enough."""
        if finding.state == "unknown":
            return False  # it does not confirm or contradict earlier findings
        if finding.state == before:
            self._pending.pop(finding.name, None)
            return False
        pending = self._pending.setdefault(finding.name, _Pending(finding.state, 0))
        if pending.state != finding.state:
            pending.state, pending.seen = finding.state, 0
        pending.seen += 1
        if (before == "unknown" and finding.state == "ok") or pending.seen >= SETTLED_ROUNDS:
            del self._pending[finding.name]
            return True
        return False

    def act(self, finding: Finding, action: str) -> None:
        """Record at once the action that was taken for a finding."""
        with self._database.change() as change:
            _alert(change, finding, time.time(), action)

    def report(self, finding: Finding, advice: str = "") -> None:
        """Record an event, which is not a recurring check.

        Successes are sent only to channels, which choose their events.

        Args:
            advice: what to do, if the event's own advice is not enough.
        """
        with self._database.change() as change:
            last = change.execute(
                "select state from alerts where name = ? order by id desc limit 1", (finding.name,)
            ).fetchone()
            is_told = finding.state == "ok" and (last is None or last["state"] == "ok")
            _alert(change, finding, time.time(), advice=advice, is_told=is_told)

    def checks(self) -> list[Check]:
        rows = self._database.rows("select * from checks order by state = 'ok', kind, name")
        return [
            {
                "name": row["name"],
                "kind": row["kind"],
                "service": row["service"],
                "state": row["state"],
                "since": row["since"],
                "message": row["message"],
            }
            for row in rows
        ]

    def alerts(self, count: int = 100) -> list[Alert]:
        """The last alerts, the newest first."""
        rows = self._database.rows(f"{ALERTS} order by id desc limit ?", count)
        return [shape(row) for row in rows]

    def untold(self, count: int = 100) -> list[tuple[int, Alert]]:
        """Alerts that were not sent yet, the oldest first."""
        rows = self._database.rows(f"{ALERTS} where told is null order by id limit ?", count)
        return [(row["id"], shape(row)) for row in rows]

    def told(self, numbers: Sequence[int]) -> None:
        """Mark alerts as sent."""
        with self._database.change() as change:
            now = time.time()
            change.executemany(
                "update alerts set told = ? where id = ?", [(now, number) for number in numbers]
            )


def _matters(before: str, now: str) -> bool:
    """Whether a change is worth an alert: failures, warnings, and recoveries."""
    return now in ("failed", "warning") or before == "failed"


def _alert(
    change: sqlite3.Connection,
    finding: Finding,
    now: float,
    action: str = "",
    advice: str = "",
    *,
    is_told: bool = False,
) -> None:
    row = (now, finding.name, finding.state, finding.message, action, now if is_told else None)
    insert = "insert into alerts (time, name, state, message, action, told) values (?, ?, ?, ?, ?, ?)"
    number = change.execute(insert, row).lastrowid
    event = events.event_of(finding)
    todo = advice or events.advice(event, finding.service, finding.state)
    details = (number, event, finding.service, todo)
    change.execute("insert or replace into alert_details values (?, ?, ?, ?)", details)
    for table, key in (("alerts", "id"), ("alert_details", "alert")):
        # What a channel has still to send stays; the outbox is bounded itself.
        waits = "select alert from outbox where id > 0"
        oldest = f"delete from {table} where {key} <= ? and {key} not in ({waits})"  # noqa: S608 - see above
        change.execute(oldest, ((number or 0) - KEPT_ALERTS,))
    change.execute("update checks set told = ? where name = ?", (now, finding.name))


def shape(row: sqlite3.Row) -> Alert:
    """A row of `ALERTS`; alerts of earlier releases have no details."""
    return {
        "event": row["event"] or row["name"].partition(" ")[0],
        "service": row["service"] or "",
        "advice": row["advice"] or "",
        "time": row["time"],
        "check": row["name"],
        "state": row["state"],
        "message": row["message"],
        "action": row["action"],
    }
