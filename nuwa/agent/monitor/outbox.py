"""Alerts that channels have yet to send: on disk, so that a restart loses none, and limited per channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nuwa.agent.config.model import Channel
from nuwa.agent.database import Database
from nuwa.agent.monitor import quiet_hours
from nuwa.agent.monitor.state_store import ALERTS, shape
from nuwa.agent.schemas import Alert

MAX_WAITING = 200
"""Alerts that wait for one channel; beyond that the oldest are dropped, and the next message counts them."""
FIRST_DELAY_S, MAX_DELAY_S = 30.0, 3600.0
"""Seconds between two tries: the first, and the maximum."""
GIVE_UP_S = 86400.0
MIN_TRIES = 8
"""Seconds and tries after which an alert that could not be sent is left out: the clock's word is not enough,
which some hosts only set after their start."""
LONGEST_WAIT_S = 2 * 86400.0
"""Seconds that nothing waits for its next try: what is due later was noted while the clock was ahead."""
MAX_NEW = 1000
"""New alerts that are looked at in one go."""


@dataclass(frozen=True)
class Waiting:
    """An alert that waits for a channel."""

    id: int
    tries: int
    alert: Alert


class Outbox:
    """Alerts by channel, until they are sent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dropped: Counter[str] = Counter()
        """Alerts that were dropped since the last message of a channel."""

    def collect(self, channels: Mapping[str, Channel], now: float) -> None:
        """Take in the alerts that are new since the last time.

        Raises:
            NuwaError: the disk is full; then they are taken in the next time.
        """
        mark = self._database.row("select alert from outbox where id = 0")
        newest = self._database.row("select coalesce(max(id), 0) from alerts")
        last = int(newest[0]) if newest else 0
        if mark is not None and int(mark["alert"]) >= last:
            return
        rows = self._database.rows(
            f"{ALERTS} where alerts.id > ? order by alerts.id desc limit ?",
            int(mark["alert"]) if mark is not None else last,
            MAX_NEW,
        )[::-1]
        with self._database.change() as change:
            change.execute("insert or replace into outbox values (0, '', ?, 0, 0, 0)", (last,))
            for row in rows:
                alert = shape(row)
                for name, channel in channels.items():
                    # The fault of a channel is reported over the others.
                    if wants(channel, alert) and alert["check"] != f"channel {name}":
                        values = (name, row["id"], now, due(channel, now))
                        insert = (
                            "insert into outbox (channel, alert, created, due, tries) values (?, ?, ?, ?, 0)"
                        )
                        change.execute(insert, values)
        self._bound(channels)

    def _bound(self, channels: Mapping[str, Channel]) -> None:
        """Drop excess alerts, and those of removed channels."""
        rows = self._database.rows("select channel, count(*) as n from outbox where id > 0 group by channel")
        for row in rows:
            name, excess = row["channel"], row["n"] - MAX_WAITING
            with self._database.change() as change:
                if name not in channels:
                    change.execute("delete from outbox where channel = ? and id > 0", (name,))
                elif excess > 0:
                    oldest = "select id from outbox where channel = ? and id > 0 order by id limit ?"
                    change.execute(f"delete from outbox where id in ({oldest})", (name, excess))  # noqa: S608 - a query of our own; the values are places
                    self.dropped[name] += excess

    def due(self, channel: str, now: float) -> list[Waiting]:
        """All that waits for a channel, once the first of it is due; the oldest first."""
        first = self._database.row("select min(due) as due from outbox where channel = ? and id > 0", channel)
        if first is None or first["due"] is None or now < first["due"] < now + LONGEST_WAIT_S:
            return []
        rows = self._database.rows(
            "select outbox.id as number, tries, alerts.*, event, service, advice from outbox "
            "join alerts on alerts.id = outbox.alert "
            "left join alert_details on alert_details.alert = alerts.id "
            "where channel = ? and outbox.id > 0 order by outbox.id",
            channel,
        )
        return [Waiting(row["number"], row["tries"], shape(row)) for row in rows]

    def waiting(self) -> dict[str, int]:
        """How many alerts wait, by channel."""
        rows = self._database.rows("select channel, count(*) as n from outbox where id > 0 group by channel")
        return {row["channel"]: row["n"] for row in rows}

    def sent(self, channel: str, items: Sequence[Waiting], told: int = 0) -> None:
        """They are sent.

        Args:
            told: how many that were left out the message counted; more may have been meanwhile.
        """
        with self._database.change() as change:
            delete = "delete from outbox where id = ?"
            found = change.executemany(delete, [(item.id,) for item in items]).rowcount
        # What was left out to make room while it was on its way was not left out after all.
        self.dropped[channel] = max(0, self.dropped[channel] - told - (len(items) - found))

    def failed(self, channel: str, settings: Channel, items: Sequence[Waiting], now: float) -> None:
        """They could not be sent: try again later, but not in quiet hours, and not after a day."""
        tries = max((item.tries for item in items), default=0)
        again = quiet_hours.until(settings.quiet, settings.time_zone, now + delay(tries))
        with self._database.change() as change:
            change.executemany(
                "update outbox set tries = ?, due = ? where id = ?",
                [(tries + 1, again, item.id) for item in items],
            )
            gone = "delete from outbox where channel = ? and id > 0 and created < ? and tries >= ?"
            self.dropped[channel] += change.execute(gone, (channel, now - GIVE_UP_S, MIN_TRIES)).rowcount


def delay(tries: int) -> float:
    """Seconds until the next try.

    Args:
        tries: how many there were before the one that just failed.
    """
    return float(min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** min(tries, 16)))


def wants(channel: Channel, alert: Alert) -> bool:
    """Whether a channel gets an alert; nightly successes only if it asks for them."""
    if not channel.events and alert["check"].startswith(("archive ", "rehearsed ")):
        return False
    if channel.events and alert["event"] not in channel.events:
        return False
    return not channel.services or bool(set(channel.services) & set(alert["service"].split()))


def due(channel: Channel, now: float) -> float:
    """When an alert is sent that comes now: others may come, and it may be night."""
    return quiet_hours.until(channel.quiet, channel.time_zone, now + channel.group)
