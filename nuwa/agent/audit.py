"""The audit trail: who did what, and how; in the database, bounded, and in the journal."""

from __future__ import annotations

import contextlib
import syslog
import time
from collections import deque
from dataclasses import dataclass

from nuwa.agent.database import Database
from nuwa.agent.schemas import AuditEntry
from nuwa.errors import NuwaError

KEPT_ENTRIES = 10_000
"""Entries that are kept; the oldest go first. The journal keeps them as long as it keeps its lines."""
MAX_CHARS = 300
"""Characters of each part of an entry."""
IDENTIFIER = "nuwa-audit"
"""What its lines in the journal are called: `journalctl -t nuwa-audit`."""


@dataclass(frozen=True)
class Actor:
    """Somebody who did something.

    Args:
        who: a user of the host, a token, a hook, or `monitor`.
        way: how: `command line`, `ssh`, `dashboard`, `API`, `push`, `hook`, `monitor`.
        source: from where: an address, the fingerprint of a key, a forge.
    """

    who: str
    way: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.who} ({self.way}{f', {self.source}' if self.source else ''})"


MAX_REFUSALS = 20
"""Refusals of one token that are written down in an hour: it must not push out what others did."""
HOUR_S = 3600.0

MONITOR = Actor("monitor", "monitor")


class Trail:
    """Writes down what was done, and tells it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refusals: dict[str, deque[float]] = {}

    def refuse(self, actor: Actor, action: str, target: str, why: str) -> None:
        """Write down that somebody wanted to do something and may not."""
        now = time.monotonic()
        self._refusals = {who: kept for who, kept in self._refusals.items() if now - kept[-1] < HOUR_S}
        recent = self._refusals.setdefault(actor.who, deque(maxlen=MAX_REFUSALS))
        if len(recent) == MAX_REFUSALS and now - recent[0] < HOUR_S:
            return
        recent.append(now)
        self.record(actor, action, target, f"refused: {why}")

    def record(self, actor: Actor, action: str, target: str = "", outcome: str = "ok") -> None:
        """Write down that somebody did something; what cannot be kept is in the journal anyway.

        Args:
            action: a verb: `restart`.
            target: what it was done to.
            outcome: `ok`, or what went wrong.
        """
        parts = [_clean(text) for text in (actor.who, actor.way, actor.source, action, target, outcome)]
        named = Actor(*parts[:3])
        what = f"{parts[3]} {parts[4]}".rstrip()
        syslog.openlog(IDENTIFIER)
        syslog.syslog(syslog.LOG_NOTICE | syslog.LOG_AUTHPRIV, f"{named}: {what}: {parts[5]}")
        insert = "insert into audit (time, who, way, source, action, target, outcome) values (?,?,?,?,?,?,?)"
        with contextlib.suppress(NuwaError), self._database.change() as change:
            change.execute(insert, (time.time(), *parts))
            change.execute("delete from audit where id <= (select max(id) from audit) - ?", (KEPT_ENTRIES,))

    def entries(self, since: float = 0, count: int = 200) -> list[AuditEntry]:
        """What was done since then, the newest first.

        Args:
            since: Unix seconds.
        """
        query = "select * from audit where time >= ? order by id desc limit ?"
        rows = self._database.rows(query, since, count)
        return [
            {
                "time": row["time"],
                "who": row["who"],
                "way": row["way"],
                "source": row["source"],
                "action": row["action"],
                "target": row["target"],
                "outcome": row["outcome"],
            }
            for row in rows
        ]


def _clean(text: str) -> str:
    """One line that any terminal and any database takes."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else " " for char in plain)[:MAX_CHARS].strip()
