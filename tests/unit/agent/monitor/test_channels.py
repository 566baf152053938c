"""Channels: what they are told, when, in how many messages, and what is left out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nuwa.agent.config.model import Channel, Monitor
from nuwa.agent.database import Database
from nuwa.agent.monitor import channel_messages, channels, events, outbox, quiet_hours, send, state_store
from nuwa.agent.monitor.outbox import Outbox
from nuwa.agent.monitor.results import Finding
from nuwa.agent.monitor.state_store import States

NOW = 1_800_000_000.0
PHONE = Channel(url="ntfy://localhost/x", group=20)


def alert(check: str = "process web", state: str = "failed", **given: Any) -> Any:
    service = check.partition(" ")[2]
    return {
        "time": NOW, "check": check, "state": state, "message": "stopped", "action": "", "advice": "",
        "event": check.partition(" ")[0], "service": service, **given,
    }  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "agent.db")
    yield made
    made.close()


@pytest.fixture
def states(database: Database) -> States:
    return States(database)


@pytest.fixture
def box(database: Database) -> Outbox:
    made = Outbox(database)
    made.collect({"phone": PHONE}, NOW)
    return made


def report(states: States, name: str = "deploy shop", state: str = "failed") -> None:
    kind, _, service = name.partition(" ")
    states.report(Finding(name, kind, service, state, "it did not come up"))


def test_alerts_wait_for_each_other_and_go_together(states: States, box: Outbox) -> None:
    report(states)
    report(states, "deploy blog")
    box.collect({"phone": PHONE}, NOW)
    assert box.due("phone", NOW + 19) == []
    report(states, "deploy mail")
    box.collect({"phone": PHONE}, NOW + 19)
    items = box.due("phone", NOW + 20)
    assert [item.alert["service"] for item in items] == ["shop", "blog", "mail"]
    box.sent("phone", items)
    assert box.waiting() == {}


def test_alerts_from_before_a_channel_was_made_are_not_sent(states: States, database: Database) -> None:
    report(states)
    made = Outbox(database)
    made.collect({"phone": PHONE}, NOW)
    assert made.waiting() == {}


def test_what_waits_outlives_a_restart(states: States, box: Outbox, database: Database) -> None:
    report(states)
    box.collect({"phone": PHONE}, NOW)
    report(states, "deploy blog")
    again = Outbox(database)
    again.collect({"phone": PHONE}, NOW + 60)
    assert [item.alert["service"] for item in again.due("phone", NOW + 90)] == ["shop", "blog"]


def test_what_succeeds_each_night_is_told_where_it_is_asked_for():
    made = alert("archive shop", "ok", event="backup")
    assert not outbox.wants(Channel(), made)
    assert outbox.wants(Channel(events=("backup",)), made)


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        (Channel(), ["deploy shop", "backup blog", "disk /"]),
        (Channel(events=("deploy",)), ["deploy shop"]),
        (Channel(services=("blog",)), ["backup blog"]),
        (Channel(events=("deploy",), services=("blog",)), []),
    ],
)
def test_a_channel_is_told_what_it_asks_for(channel: Channel, told: list[str]) -> None:
    alerts = [alert("deploy shop"), alert("backup blog"), alert("disk /", service="")]
    assert [item["check"] for item in alerts if outbox.wants(channel, item)] == told


def test_a_failure_is_tried_again_later_and_later_and_not_forever(states: States, box: Outbox) -> None:
    report(states)
    box.collect({"phone": PHONE}, NOW)
    now, waits = NOW + 20, []
    while items := box.due("phone", now):
        box.failed("phone", PHONE, items, now)
        wait = 0.0
        while box.waiting() and not box.due("phone", now + wait):
            wait += 30
        waits.append(wait)
        now += wait
    assert waits[:4] == [30, 60, 120, 240]
    assert max(waits) == outbox.MAX_DELAY_S
    assert now - NOW < outbox.GIVE_UP_S + 2 * outbox.MAX_DELAY_S
    assert box.dropped["phone"] == 1


def test_a_flood_leaves_out_the_oldest_and_counts_them(
    states: States, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 5)
    for number in range(12):
        report(states, f"deploy app{number}")
    box.collect({"phone": PHONE}, NOW)
    assert [item.alert["service"] for item in box.due("phone", NOW + 60)] == [f"app{n}" for n in range(7, 12)]
    assert box.dropped["phone"] == 7
    assert "7 more are not included" in channel_messages.compose([alert()], "h", dropped=7)[1]


def test_what_is_left_out_while_a_message_is_on_its_way_is_counted_in_the_next(
    states: States, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 2)
    for number in range(3):
        report(states, f"deploy app{number}")
    box.collect({"phone": PHONE}, NOW)
    items, told = box.due("phone", NOW + 60), box.dropped["phone"]
    assert (len(items), told) == (2, 1)
    for number in range(3):
        report(states, f"deploy other{number}")
    box.collect({"phone": PHONE}, NOW + 60)
    box.sent("phone", items, told)
    assert box.dropped["phone"] == 1, "other0: the two that were sent are not left out"


def test_a_clock_that_was_ahead_keeps_no_alert_waiting(states: States, box: Outbox) -> None:
    report(states)
    box.collect({"phone": PHONE}, NOW + 400 * 86400)
    assert [item.alert["service"] for item in box.due("phone", NOW)] == ["shop"]


def test_a_clock_that_is_set_ahead_gives_no_alert_up(states: States, box: Outbox) -> None:
    report(states)
    box.collect({"phone": PHONE}, NOW - 400 * 86400)
    box.failed("phone", PHONE, box.due("phone", NOW), NOW)
    assert box.waiting() == {"phone": 1}
    assert box.dropped["phone"] == 0


def test_what_does_not_fit_into_a_message_is_counted_and_nothing_else_is_cut() -> None:
    alerts = [alert(f"deploy app{number}", message="x" * 500, advice="y" * 200) for number in range(10)]
    _, text, _ = channel_messages.compose(alerts, "h")
    shown = text.count("x" * 500)
    assert 0 < shown < 10
    assert text.count("y" * 200) == shown
    assert text.endswith(f"\n{10 - shown} more are not included: nuwa monitor shows them")
    assert len(text) < 2000
    _, text, _ = channel_messages.compose([alert(message="x" * 5000)], "h")
    assert len(text) == channel_messages.MAX_CHARS


def test_channels_that_are_gone_keep_nothing(states: States, box: Outbox) -> None:
    report(states)
    box.collect({"phone": PHONE, "chat": PHONE}, NOW)
    assert box.waiting() == {"chat": 1, "phone": 1}
    report(states)
    box.collect({"chat": PHONE}, NOW)
    assert box.waiting() == {"chat": 2}


def test_that_a_channel_does_not_work_is_told_over_the_others(states: States, box: Outbox) -> None:
    report(states, "channel phone")
    box.collect({"phone": PHONE, "chat": PHONE}, NOW)
    assert box.waiting() == {"chat": 1}


def test_what_failed_and_recovered_meanwhile_is_one_line() -> None:
    alerts = [alert(), alert("disk /"), alert(state="ok", message="running")]
    title, text, kind = channel_messages.compose(alerts, "host1", "UTC")
    assert title == "host1: disk / failed and 1 more"
    assert text.splitlines() == ["✗ 08:00 disk /: stopped", "✓ 08:00 process web: running (2 changes)"]
    assert kind == "failure"
    title, _, kind = channel_messages.compose([alert(state="ok")], "host1", "UTC")
    assert (title, kind) == ("host1: process web is well", "success")


def test_a_message_says_what_was_done_and_what_to_do_and_is_short() -> None:
    one = alert(action="restarted: running", advice="nuwa log web --since -1h")
    assert channel_messages.compose([one], "h", "UTC")[1].splitlines()[1:] == [
        "  → restarted: running",
        "  → nuwa log web --since -1h",
    ]
    many = [alert(f"process s{number}", message="x" * 500) for number in range(500)]
    _, text, _ = channel_messages.compose(many, "h", "UTC")
    assert len(text) < 2000
    assert "497 more are not included" in text


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        ("22:00-07:00", "2026-11-28 21:59", "2026-11-28 21:59"),
        ("22:00-07:00", "2026-11-28 22:00", "2026-11-29 07:00"),
        ("22:00-07:00", "2026-11-29 06:59", "2026-11-29 07:00"),
        ("22:00-07:00", "2026-11-29 07:00", "2026-11-29 07:00"),
        ("12:00-13:00", "2026-11-28 12:30", "2026-11-28 13:00"),
        ("", "2026-11-28 03:00", "2026-11-28 03:00"),
        # The night in which the clocks go back has an hour more.
        ("22:00-07:00", "2026-10-24 23:00", "2026-10-25 07:00"),
    ],
)
def test_quiet_hours_are_those_of_their_time_zone(hours: str, at: str, until: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() for text in (at, until))
    assert quiet_hours.until(hours, "Europe/Berlin", begin) == end


def test_an_alert_of_the_night_is_sent_in_the_morning(states: States, box: Outbox) -> None:
    channel = dataclasses.replace(PHONE, quiet="00:00-23:59", time_zone="UTC")
    report(states)
    box.collect({"phone": channel}, NOW)
    assert box.due("phone", NOW + 3600) == []
    assert box.due("phone", NOW + 86400)


def test_another_try_waits_for_the_end_of_the_quiet_hours(states: States, box: Outbox) -> None:
    evening = datetime(2026, 11, 28, 21, 59, 50, tzinfo=UTC).timestamp()
    channel = dataclasses.replace(PHONE, group=0, quiet="22:00-07:00", time_zone="UTC")
    report(states)
    box.collect({"phone": channel}, evening)
    box.failed("phone", channel, box.due("phone", evening), evening)
    assert box.due("phone", evening + 8 * 3600) == []
    assert box.due("phone", evening + 9.1 * 3600)


def test_a_time_zone_that_the_host_knows_no_more_is_its_own(states: States, box: Outbox) -> None:
    channel = dataclasses.replace(PHONE, quiet="22:00-07:00", time_zone="Mars/Olympus")
    report(states)
    box.collect({"phone": channel}, NOW)
    assert box.waiting() == {"phone": 1}
    assert "deploy shop" in channel_messages.compose([alert("deploy shop")], "h", "Mars/Olympus")[1]


def test_what_a_channel_has_still_to_send_is_kept_whatever_else_happens(
    states: States, box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_store, "KEPT_ALERTS", 10)
    channel = dataclasses.replace(PHONE, events=("disk",))
    report(states, "disk /")
    box.collect({"phone": channel}, NOW)
    for _ in range(30):
        report(states)
        box.collect({"phone": channel}, NOW)
    items = box.due("phone", NOW + 60)
    assert [item.alert["check"] for item in items] == ["disk /"]
    box.sent("phone", items)
    report(states)
    assert "disk /" not in [item["check"] for item in states.alerts()]


def test_a_failure_in_one_round_does_not_end_the_sending(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ROUND_S", 0.01)
    host: Any = SimpleNamespace(
        database=database, loaded=SimpleNamespace(config=SimpleNamespace(monitor=Monitor()))
    )
    made, rounds = channels.Channels(host), []

    def collect(*_: object) -> None:
        rounds.append(None)
        raise RuntimeError("something unexpected")

    monkeypatch.setattr(made._outbox, "collect", collect)

    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(made.run(), 0.3)

    asyncio.run(work())
    assert len(rounds) > 1


def test_a_fifo_in_place_of_the_file_of_an_address_holds_up_nobody(
    database: Database, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "url")
    channel = Channel(url_file=str(tmp_path / "url"))
    settings = Monitor(channels={"phone": channel})
    loaded = SimpleNamespace(config=SimpleNamespace(monitor=settings), base=str(tmp_path))
    host: Any = SimpleNamespace(database=database, loaded=loaded)
    with pytest.raises(channels.NotSent, match="not a regular file"):
        asyncio.run(channels.Channels(host).test("phone"))


def test_success_of_what_never_failed_goes_to_channels_alone(states: States) -> None:
    report(states, state="ok")
    assert states.untold() == []
    report(states)
    report(states, state="ok")
    assert [item["state"] for _, item in states.untold()] == ["failed", "ok"]


@pytest.mark.parametrize(
    ("kind", "message", "event"),
    [
        ("process", "stopped: oom-kill", "memory"),
        ("process", "stopped and was restarted (4 times so far): exit-code", "crash"),
        ("process", "stopped and was restarted (1 times so far): exit-code", "process"),
        ("process", "stopped and was restarted (1 times so far): oom-kill", "memory"),
        ("process", "stopped: start-limit-hit", "crash"),
        ("process", "stopped: exit-code", "process"),
        ("process", "worker: no room left", "process"),
        ("deploy", "it does not answer. The previous release (abc) serves", "rollback"),
        ("deploy", "the release hook failed", "deploy"),
        ("disk", "95 % used", "disk"),
        ("backup", "the last archive is 40 h old", "backup"),
    ],
)
def test_each_finding_belongs_to_an_event_with_something_to_do(kind: str, message: str, event: str) -> None:
    assert events.event_of(Finding(f"{kind} web", kind, "web", "failed", message)) == event
    assert events.advice(event, "web", "failed")
    assert not events.advice(event, "web", "ok")


def test_a_reason_holds_no_part_of_the_address() -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts"
    said = "could not send to hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ: 404"
    shown = send.without_secrets(said, url)
    assert "404" in shown
    assert not [part for part in ("T1JJ3T3L2", "A1BRTD4JD", "TIiaj") if part in shown]
