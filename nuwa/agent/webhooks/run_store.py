"""Runs of webhooks in the database: deliveries, queued and finished runs."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nuwa.agent.database import Database
from nuwa.agent.schemas import Mark, Run, Step

KEPT_RUNS = 100
"""Runs that are kept of each hook."""
KEPT_DELIVERIES_S = 180 * 86400
"""Seconds for which a repeated delivery is recognised."""
MIN_KEPT_DELIVERIES = 10_000
"""The last deliveries, which are recognised whatever the clock says."""
MAX_OUTPUT_CHARS = 256 * 1024
"""Characters that are kept of a command's output: its end."""


RESTARTED_STATES = ("failed", "cancelled", "timeout")
"""States of a run in which its repeated delivery starts it again."""


@dataclass(frozen=True)
class Delivery:
    """A message of a forge.

    Args:
        id: the forge's id, which is not signed: with another body it is another message.
        digest: of its body.
        is_signed: whether the body is signed; then it is accepted under one id only.
    """

    id: str
    digest: str = ""
    is_signed: bool = False

    @property
    def key(self) -> str:
        """The key by which it is recognised."""
        return hashlib.sha256(f"{self.digest} {self.id}".encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Accepted:
    """The result of accepting a delivery.

    Args:
        duplicate: it was received before, and its run is unfinished or succeeded.
        merged: a queued run includes this delivery.
    """

    run: int
    duplicate: bool = False
    merged: bool = False


class Replay(Exception):
    """The same signed message under another id: somebody recorded it and sent it again."""


class History:
    """The runs of all hooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, hook: str, delivery: Delivery, commit: str, *, forced: bool = False) -> Accepted:
        """Queue a run for a delivery, unless one is already queued or has handled it.

        A run fetches the newest commit when it begins, so a queued one covers all deliveries until then.

        Args:
            forced: run everything, whatever changed.

        Raises:
            Replay: the signed message was received before as another delivery.
            NuwaError: it cannot be stored.
        """
        now = time.time()
        with self._database.change() as change:
            key, known = _known(change, hook, delivery)
            if known is not None and _state(change, known) not in RESTARTED_STATES:
                return Accepted(known, duplicate=True)
            run, merged = _waiting(change, hook), True
            if run is None:
                run, merged = _queue(change, hook, delivery.id, commit, now), False
            change.execute("update runs set forced = forced or ? where id = ?", (forced, run))
            if commit:
                change.execute("update runs set commit_id = ? where id = ?", (commit, run))
            row = (hook, key, delivery.digest if delivery.is_signed else None, run, now)
            change.execute("insert or replace into deliveries values (?, ?, ?, ?, ?)", row)
            _tidy(change, hook, run, now)
        return Accepted(run, merged=merged)

    def recover(self) -> list[tuple[int, str]]:
        """After a restart: what was interrupted is queued again, and given up after the third time.

        Returns:
            the runs that were given up, with their hooks.
        """
        with self._database.change() as change:
            over = change.execute(
                "select id, hook from runs where state = 'running' and attempt >= 3 order by id"
            ).fetchall()
            change.execute("update runs set state = 'failed' where state = 'running' and attempt >= 3")
            change.execute("update runs set state = 'queued' where state = 'running'")
        return [(row["id"], row["hook"]) for row in over]

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
        """Store, once, the commit that a run's changes are counted from, before it changes the repository."""
        with self._database.change() as change:
            change.execute("update runs set base = ? where id = ? and base = ''", (base, run))

    def note_commit(self, run: int, commit: str) -> None:
        """Store the commit of a run."""
        with self._database.change() as change:
            change.execute("update runs set commit_id = ? where id = ?", (commit, run))

    def commit_of(self, run: int) -> str:
        """The commit of a run; empty while that is unknown."""
        row = self._database.row("select commit_id from runs where id = ?", run)
        return str(row["commit_id"]) if row else ""

    def base_of(self, run: int, hook: str) -> str:
        """The commit that a run's changes are counted from: that of the last successful run.

        A failed run has already changed the repository, so the next one starts from the same commit.
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
                (
                    run,
                    number,
                    step["command"],
                    step["output"][-MAX_OUTPUT_CHARS:],
                    step["duration"],
                    step["code"],
                ),
            )

    def finish(self, run: int, state: str, services: list[str], duration: float) -> None:
        with self._database.change() as change:
            change.execute(
                "update runs set state = ?, services = ?, duration = ? where id = ?",
                (state, " ".join(services), duration, run),
            )

    def cancel_queued(self, hook: str) -> list[int]:
        """Cancel all queued runs of a hook."""
        rows = self._database.rows("select id from runs where hook = ? and state = 'queued'", hook)
        with self._database.change() as change:
            change.execute("update runs set state = 'cancelled' where hook = ? and state = 'queued'", (hook,))
        return [row["id"] for row in rows]

    def is_queued(self, run: int) -> bool:
        """Whether a run is still queued: it may have been cancelled."""
        row = self._database.row("select state from runs where id = ?", run)
        return bool(row and row["state"] == "queued")

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

    def deploys(self, service: str) -> Iterator[Mark]:
        """The runs that restarted a service and succeeded."""
        query = "select hook, commit_id, started, duration, services from runs where state = 'ok'"
        for row in self._database.rows(query):
            if service in row["services"].split():
                text = f"hook {row['hook']} {row['commit_id'][:12]}"
                yield {"at": row["started"] + (row["duration"] or 0), "kind": "deploy", "text": text}

    def last(self, hook: str) -> Run | None:
        """The run that a hook shows: the current one, or the last."""
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


def _known(change: sqlite3.Connection, hook: str, delivery: Delivery) -> tuple[str, int | None]:
    """The name that a delivery has in the table, and its run; None for one that is new.

    Raises:
        Replay: the signed message came before as another delivery.
    """
    by_name = "select run from deliveries where hook = ? and delivery = ?"
    by_body = "select run, delivery from deliveries where hook = ? and digest = ?"
    if found := change.execute(by_name, (hook, delivery.key)).fetchone():
        return delivery.key, found["run"]
    if not delivery.is_signed:
        return delivery.key, None
    found = change.execute(by_body, (hook, delivery.digest)).fetchone()
    if found is None:
        return delivery.key, None
    # Release 0.1 kept the id itself, and cut it.
    if found["delivery"] != delivery.id[:200]:
        raise Replay
    return found["delivery"], found["run"]


def _state(change: sqlite3.Connection, run: int) -> str:
    """The state of a run; one that was removed because of its age counts as done."""
    row = change.execute("select state from runs where id = ?", (run,)).fetchone()
    return str(row["state"]) if row else "ok"


def _waiting(change: sqlite3.Connection, hook: str) -> int | None:
    query = "select id from runs where hook = ? and state = 'queued' order by id desc limit 1"
    row = change.execute(query, (hook,)).fetchone()
    return int(row["id"]) if row else None


def _queue(change: sqlite3.Connection, hook: str, delivery: str, commit: str, now: float) -> int:
    insert = "insert into runs (hook, delivery, commit_id, state, forced, created) values (?, ?, ?, ?, ?, ?)"
    return change.execute(insert, (hook, delivery, commit, "queued", False, now)).lastrowid or 0


def _tidy(change: sqlite3.Connection, hook: str, run: int, now: float) -> None:
    kept = "select id from runs where hook = ? order by id desc limit ?"
    ended = "state not in ('queued', 'running')"
    old = "delete from deliveries where received < ? and run < ?"
    change.execute(old, (now - KEPT_DELIVERIES_S, run - MIN_KEPT_DELIVERIES))
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
