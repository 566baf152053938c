"""What the agent remembers of deliveries and runs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from nuwa.agent.config.history import Configurations
from nuwa.agent.database import Database
from nuwa.agent.paths import Paths
from nuwa.agent.webhooks.recorder import with_retry
from nuwa.agent.webhooks.run_store import KEPT_RUNS, Accepted, Delivery, History, Replay
from nuwa.errors import NuwaError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "state" / "agent.db")


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def named(name: str, digest: str | None = None) -> Delivery:
    """A delivery; signed where a digest is given."""
    return Delivery(name, digest or "", is_signed=digest is not None)


def finished(history: History, hook: str, delivery: str, state: str, commit: str) -> int:
    run = history.accept(hook, named(delivery, None), commit).run
    history.begin(run)
    history.note_base(run, "")
    history.note_commit(run, commit)
    history.finish(run, state, ["web"], 1.5)
    return run


def test_a_delivery_is_queued_once(history: History) -> None:
    first = history.accept("web", named("delivery-1", "digest"), "c1")
    again = history.accept("web", named("delivery-1", "digest"), "c1")
    assert not first.duplicate
    assert again.duplicate
    assert again.run == first.run
    assert history.queued() == [(first.run, "web")]


def test_the_same_delivery_to_another_hook_counts(history: History) -> None:
    runs = [history.accept(hook, named("d", "digest"), "c").run for hook in ("web", "api")]
    assert runs[0] != runs[1]


def test_a_signed_message_under_another_name_is_a_replay(history: History) -> None:
    history.accept("web", named("delivery-1", "digest"), "c1")
    with pytest.raises(Replay):
        history.accept("web", named("delivery-2", "digest"), "c1")
    assert not history.accept("web", named("delivery-3", None), "c1").duplicate


def test_the_same_name_with_another_body_is_another_delivery(history: History) -> None:
    """No signature covers the name: whoever reuses it must not make a push of somebody else vanish."""
    for digest in ("one", "two", None):
        assert not history.accept("web", named("delivery-1", digest), "c1").duplicate
    assert history.accept("web", named("delivery-1", "two"), "c1").duplicate
    long = "x" * 300
    assert not history.accept("web", named(long + "1", None), "c1").duplicate
    assert not history.accept("web", named(long + "2", None), "c1").duplicate


def test_forty_pushes_at_once_are_two_runs(history: History) -> None:
    first = history.accept("web", named("0", "0"), "c0").run
    history.begin(first)
    later = [history.accept("web", named(str(n), str(n)), f"c{n}") for n in range(1, 40)]
    assert {accepted.run for accepted in later} == {later[0].run} != {first}
    assert [accepted.merged for accepted in later] == [False] + [True] * 38
    waiting = history.run(later[0].run)
    assert waiting
    assert waiting["commit"] == "c39"
    assert history.accept("web", named("7", "7"), "c7").duplicate
    assert history.accept("api", named("7", "7"), "c7").run != later[0].run


def test_a_run_by_hand_makes_the_one_that_waits_run_everything(history: History) -> None:
    run = history.accept("web", named("d", "1"), "c").run
    assert not history.is_forced(run)
    by_hand = history.accept("web", named("manual", None), "", forced=True)
    assert (by_hand.run, by_hand.merged) == (run, True)
    assert history.is_forced(run)
    found = history.run(run)
    assert found
    assert found["commit"] == "c"


@pytest.mark.parametrize(
    ("state", "runs_again"), [("failed", True), ("cancelled", True), ("timeout", True), ("ok", False)]
)
@pytest.mark.parametrize("digest", ["digest", None])
def test_a_redelivery_runs_again_when_its_run_came_to_nothing(
    history: History, state: str, runs_again: bool, digest: str | None
) -> None:
    run = history.accept("web", named("d", digest), "c").run
    history.begin(run)
    assert history.accept("web", named("d", digest), "c") == Accepted(run, duplicate=True)
    history.finish(run, state, [], 1)
    again = history.accept("web", named("d", digest), "c")
    assert again.duplicate is not runs_again
    assert (again.run != run) is runs_again
    if digest:
        with pytest.raises(Replay):
            history.accept("web", named("another", digest), "c")


def test_what_an_older_release_noted_is_recognised(database: Database, history: History) -> None:
    with database.change() as change:
        change.execute("insert into deliveries values ('web', 'd', 'digest', 7, 1)")
    assert history.accept("web", named("d", "digest"), "c") == Accepted(7, duplicate=True)
    with pytest.raises(Replay):
        history.accept("web", named("other", "digest"), "c")


def test_what_was_accepted_survives_the_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    run = History(Database(path)).accept("web", named("d", "digest"), "c").run
    again = History(Database(path))
    assert again.queued() == [(run, "web")]
    assert again.accept("web", named("d", "digest"), "c").duplicate


def test_an_interrupted_run_waits_again_and_is_given_up_after_the_third_time(history: History) -> None:
    run = history.accept("web", named("d", None), "c").run
    for _ in range(3):
        history.begin(run)
        history.recover()
    found = history.run(run)
    assert found
    assert found["state"] == "failed"
    assert found["attempt"] == 3


def test_changes_count_from_the_last_run_that_went_well(history: History) -> None:
    finished(history, "web", "d1", "ok", "good")
    finished(history, "web", "d2", "failed", "bad")
    finished(history, "api", "d3", "ok", "other")
    run = history.accept("web", named("d4", None), "new").run
    assert history.base_of(run, "web") == "good"


def test_after_a_failure_changes_count_from_where_that_run_began(history: History) -> None:
    run = history.accept("web", named("d1", None), "bad").run
    history.begin(run)
    history.note_base(run, "old")
    history.note_commit(run, "bad")
    history.finish(run, "failed", [], 1)
    assert history.base_of(history.accept("web", named("d2", None), "new").run, "web") == "old"


def test_an_interrupted_run_keeps_the_commit_that_it_began_from(history: History) -> None:
    run = history.accept("web", named("d", None), "new").run
    history.begin(run)
    history.note_base(run, "old")
    history.note_commit(run, "new")
    history.recover()
    history.begin(run)
    history.note_base(run, "new")
    history.note_commit(run, "new")
    assert history.base_of(run, "web") == "old"


def test_a_run_is_shown_with_its_steps(history: History) -> None:
    run = history.accept("web", named("d", None), "c").run
    history.begin(run)
    history.write_step(run, 1, {"command": "a", "output": "x", "duration": 0.1, "code": None})
    history.write_step(run, 1, {"command": "a", "output": "xy", "duration": 0.2, "code": 0})
    history.write_step(run, 2, {"command": "b", "output": "", "duration": 0.3, "code": 1})
    history.finish(run, "failed", [], 0.6)
    found = history.run(run)
    assert found
    assert [(line["command"], line["output"], line["code"]) for line in found["lines"]] == [
        ("a", "xy", 0),
        ("b", "", 1),
    ]
    assert history.runs("web")[0]["lines"][0]["output"] == ""
    assert history.run(run + 1) is None


def test_a_running_run_is_shown_before_what_waits(history: History) -> None:
    first = history.accept("web", named("d1", None), "c").run
    history.begin(first)
    history.accept("web", named("d2", None), "c")
    last = history.last("web")
    assert last
    assert last["id"] == first
    assert history.waiting("web") == 1
    assert history.state("nobody") == "idle"


def test_what_waits_can_be_cancelled(history: History) -> None:
    first = history.accept("web", named("d1", None), "c").run
    history.begin(first)
    waiting = history.accept("web", named("d2", None), "c").run
    assert history.cancel_queued("web") == [waiting]
    assert history.queued() == []
    assert not history.is_queued(waiting)


def test_old_runs_go_and_those_of_other_hooks_stay(history: History) -> None:
    kept = finished(history, "api", "d", "ok", "c")
    for number in range(KEPT_RUNS + 5):
        finished(history, "web", f"d{number}", "ok", "c")
    assert len(history.runs("web", 1000)) <= KEPT_RUNS + 1
    assert history.run(kept)


def test_a_damaged_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    path.write_bytes(b"this is not a database " * 100)
    assert History(Database(path)).queued() == []
    assert list(tmp_path.glob("*.damaged-*"))


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    database = Database(path)
    database._connection.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(NuwaError, match="newer"):
        Database(path)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    Database(tmp_path / "state/agent.db")
    assert (tmp_path / "state/agent.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_clock_that_jumps_forgets_no_delivery(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.accept("web", named("d1", "same"), "c")
    for jump in (400 * 86400, -400 * 86400):
        moment = time.time() + jump
        monkeypatch.setattr("nuwa.agent.webhooks.run_store.time.time", lambda moment=moment: moment)
        history.accept("web", named(f"after {jump}", None), "c")
        assert history.accept("web", named("d1", "same"), "c").duplicate
        with pytest.raises(Replay):
            history.accept("web", named("d2", "same"), "c")
        monkeypatch.undo()


def test_configurations_are_in_the_order_in_which_they_came(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was put back between the two."""
    paths = Paths(tmp_path)
    paths.folder.mkdir(parents=True)
    configurations = Configurations(paths, database)
    for number, moment in enumerate((2000.0, 1000.0)):
        paths.config.write_text(f'{{"number": {number}}}')
        monkeypatch.setattr("nuwa.agent.config.history.time.time", lambda moment=moment: moment)
        configurations.remember("test")
    assert [row["time"] for row in configurations.history()] == [1000.0, 2000.0]


class TestAFullDisk:
    """The database's own limit stands for it: SQLite says the same of both."""

    @pytest.fixture
    def full(self, database: Database) -> Database:
        database.row("pragma max_page_count = 1")
        with pytest.raises(NuwaError, match="full"), database.change() as change:
            change.execute(
                "insert into runs values (null, 'x', ?, '', '', '', 0, 0, 0, 0, 0, '')", ("x" * 99999,)
            )
        return database

    def test_a_run_waits_until_it_can_be_written_down(
        self, history: History, full: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nuwa.agent.webhooks.recorder.RETRY_S", 0.01)
        tries = []

        def accept() -> None:
            tries.append(1)
            if len(tries) == 3:
                full.row("pragma max_page_count = 100000")
            history.accept("web", named("x" * 99999, None), "c")

        asyncio.run(with_retry(accept))
        assert len(tries) == 3
        assert len(history.queued()) == 1
