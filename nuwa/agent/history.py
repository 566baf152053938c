"""Runs of webhooks in the database: what was delivered, what waits, what was done."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from nuwa.agent.database import Database
from nuwa.agent.shapes import Run, Step

KEPT_RUNS = 100
"""Runs that are kept of each hook."""
KEPT_DELIVERIES = 180 * 86400
"""Seconds for which a delivery is recognised when it comes again."""
KEPT_ALWAYS = 10_000
"""Deliveries that are recognised however far the clock has jumped: the last ones."""
MOST_OUTPUT = 256 * 1024
"""Characters that are kept of a command's output: its end."""


@dataclass(frozen=True)
class Accepted:
    """What became of a delivery: its run, and whether it was there before."""

    run: int
    duplicate: bool = False


class Replay(Exception):
    """The same signed message under another name: somebody kept it and sent it again."""


class History:
    """The runs of all hooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self, hook: str, delivery: str, digest: str | None, commit: str, *, forced: bool = False
    ) -> Accepted:
        """Queue a run for a delivery, unless it was queued before.

        Args:
            digest: of a signed message, to recognise it under another delivery id; None for an unsigned one.
            forced: run everything, whatever changed.

        Raises:
            Replay: the signed message came before as another delivery.
            NuwaError: it cannot be written.
        """
        same_name = "select run from deliveries where hook = ? and delivery = ?"
        same_body = "select run from deliveries where hook = ? and digest = ?"
        insert = (
            "insert into runs (hook, delivery, commit_id, state, forced, created) values (?, ?, ?, ?, ?, ?)"
        )
        now = time.time()
        with self._database.change() as change:
            if known := change.execute(same_name, (hook, delivery)).fetchone():
                return Accepted(known["run"], duplicate=True)
            if digest and change.execute(same_body, (hook, digest)).fetchone():
                raise Replay
            run = change.execute(insert, (hook, delivery, commit, "queued", forced, now)).lastrowid or 0
            row = (hook, delivery, digest, run, now)
            change.execute("insert into deliveries values (?, ?, ?, ?, ?)", row)
            _tidy(change, hook, run, now)
        return Accepted(run)

    def recover(self) -> None:
        """After a restart: what was interrupted is queued again, and given up after the third time."""
        with self._database.change() as change:
            change.execute("update runs set state = 'failed' where state = 'running' and attempt >= 3")
            change.execute("update runs set state = 'queued' where state = 'running'")

    def queued(self) -> list[tuple[int, str]]:
        """The runs that wait, with their hooks, the oldest first."""
        rows = self._database.rows("select id, hook from runs where state = 'queued' order by id")
        return [(row["id"], row["hook"]) for row in rows]

    def begin(self, run: int) -> None:
        with self._database.change() as change:
            change.execute("delete from steps where run = ?", (run,))
            change.execute(
                "update runs set state = 'running', started = ?, attempt = attempt + 1 where id = ?",
                (time.time(), run),
            )

    def note_base(self, run: int, base: str) -> None:
        """Note what a run's changes count from, before it changes the repository; once noted it stays."""
        with self._database.change() as change:
            change.execute("update runs set base = ? where id = ? and base = ''", (base, run))

    def note_commit(self, run: int, commit: str) -> None:
        """Note what a run brings in."""
        with self._database.change() as change:
            change.execute("update runs set commit_id = ? where id = ?", (commit, run))

    def base_of(self, run: int, hook: str) -> str:
        """The commit that a run's changes count from: what the last run that went well brought in.

        A run that failed has changed the repository already, so the next one begins where it began.
        """
        row = self._database.row("select base from runs where id = ?", run)
        if row and row["base"]:
            return str(row["base"])
        which = "hook = ? and id < ? and (state = 'ok' or base != '') order by id desc limit 1"
        query = f"select state, base, commit_id from runs where {which}"  # noqa: S608 - it is above
        row = self._database.row(query, hook, run)
        return str(row["commit_id" if row["state"] == "ok" else "base"]) if row else ""

    def write_step(self, run: int, number: int, step: Step) -> None:
        with self._database.change() as change:
            change.execute(
                "insert or replace into steps values (?, ?, ?, ?, ?, ?)",
                (run, number, step["command"], step["output"][-MOST_OUTPUT:], step["duration"], step["code"]),
            )

    def finish(self, run: int, state: str, services: list[str], duration: float) -> None:
        with self._database.change() as change:
            change.execute(
                "update runs set state = ?, services = ?, duration = ? where id = ?",
                (state, " ".join(services), duration, run),
            )

    def cancel_queued(self, hook: str) -> list[int]:
        """Take everything that waits out of a hook's queue."""
        rows = self._database.rows("select id from runs where hook = ? and state = 'queued'", hook)
        with self._database.change() as change:
            change.execute("update runs set state = 'cancelled' where hook = ? and state = 'queued'", (hook,))
        return [row["id"] for row in rows]

    def is_forced(self, run: int) -> bool:
        row = self._database.row("select forced from runs where id = ?", run)
        return bool(row and row["forced"])

    def run(self, run: int) -> Run | None:
        row = self._database.row("select * from runs where id = ?", run)
        return self._run(row, with_steps=True) if row else None

    def runs(self, hook: str, count: int = 20) -> list[Run]:
        """The last runs of a hook, the newest first; without the output of their commands."""
        rows = self._database.rows("select * from runs where hook = ? order by id desc limit ?", hook, count)
        return [self._run(row, with_steps=False) for row in rows]

    def last(self, hook: str) -> Run | None:
        """The run that a hook shows: one that is under way, or the last that was."""
        row = self._last(hook)
        return self._run(row, with_steps=True) if row else None

    def _last(self, hook: str) -> sqlite3.Row | None:
        order = "order by state = 'running' desc, state = 'queued', id desc limit 1"
        return self._database.row(f"select * from runs where hook = ? {order}", hook)  # noqa: S608 - see above

    def state(self, hook: str) -> str:
        """The state of the run that a hook shows; `idle` when there was none."""
        last = self._last(hook)
        return str(last["state"]) if last else "idle"

    def waiting(self, hook: str) -> int:
        row = self._database.row("select count(*) from runs where hook = ? and state = 'queued'", hook)
        return int(row[0]) if row else 0

    def _run(self, row: sqlite3.Row, *, with_steps: bool) -> Run:
        steps = self._database.rows("select * from steps where run = ? order by number", row["id"])
        return {
            "id": row["id"],
            "hook": row["hook"],
            "delivery": row["delivery"],
            "commit": row["commit_id"],
            "state": row["state"],
            "created": row["created"],
            "started": row["started"],
            "duration": row["duration"],
            "attempt": row["attempt"],
            "services": row["services"].split(),
            "lines": [_step(step, with_output=with_steps) for step in steps],
        }


def _tidy(change: sqlite3.Connection, hook: str, run: int, now: float) -> None:
    kept = "select id from runs where hook = ? order by id desc limit ?"
    ended = "state not in ('queued', 'running')"
    old = "delete from deliveries where received < ? and run < ?"
    change.execute(old, (now - KEPT_DELIVERIES, run - KEPT_ALWAYS))
    change.execute(
        f"delete from runs where hook = ? and {ended} and id not in ({kept})",  # noqa: S608 - both are above
        (hook, hook, KEPT_RUNS),
    )


def _step(row: sqlite3.Row, *, with_output: bool) -> Step:
    return {
        "command": row["command"],
        "output": row["output"] if with_output else "",
        "duration": row["duration"],
        "code": row["code"],
    }
