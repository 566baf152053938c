"""Two containers of one deployment: scheduled jobs and exclusive processes are the slot's that serves."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Container, wait_until

from nuwa.engine import Engine
from nuwa.names import APP_ID, SLOTS

LIB = "/usr/lib/nuwa"


class Pair:
    """Both slots, with the folders that the host gives them."""

    def __init__(self, engine: Engine, image: str, folder: Path) -> None:
        # As on a host, a folder with a short path, which the app cannot write to.
        self.runtime = Path(tempfile.mkdtemp(prefix="nuwa-test-", dir="/run"))
        self.runtime.chmod(0o755)
        (self.runtime / "jobs").mkdir()
        self.shared = folder / "shared"
        self.shared.mkdir()
        os.chown(self.shared, APP_ID, APP_ID)
        name = f"nuwa-test-slots-{uuid.uuid4().hex[:8]}"
        options = (
            f"--volume={self.runtime}:{self.runtime}:ro",
            f"--volume={self.runtime}/jobs:{self.runtime}/jobs:rw",
            f"--volume={self.shared}:/srv/shared",
            f"--env=NUWA_RUNTIME={self.runtime}",
        )
        self.slots = {
            slot: Container(
                engine, image, f"{name}-{slot}", folder / slot, options=(*options, f"--env=NUWA_SLOT={slot}")
            )
            for slot in SLOTS
        }

    def serve(self, slot: str, *, now: bool = False) -> None:
        """Point the link at a slot, as a deploy does: now, or long before this minute."""
        new = self.runtime / "current.new"
        new.symlink_to(f"{slot}/server.sock")
        if not now:
            os.utime(new, (0, 0), follow_symlinks=False)
        new.rename(self.runtime / "current")

    def start(self, slot: str) -> Container:
        return self.slots[slot].start().wait_served()

    def remove(self) -> None:
        for container in self.slots.values():
            container.remove()
        shutil.rmtree(self.runtime)

    def written(self, name: str) -> list[str]:
        file = self.shared / name
        return file.read_text().split("\n")[:-1] if file.exists() else []


@pytest.fixture
def pair(engine: Engine, runtime_image: Callable[[str], str], tmp_path: Path) -> Iterator[Pair]:
    made = Pair(engine, runtime_image("gunicorn"), tmp_path)
    try:
        yield made
    finally:
        made.remove()


def clock(container: Container) -> str:
    """What the container says of its exclusive process."""
    script = f"{LIB}/service_states.py | sed -n 's/^clock: //p'"
    return container.sh(script).partition(" ")[0]


def test_an_exclusive_process_ends_in_one_slot_before_it_starts_in_the_other(pair: Pair) -> None:
    blue, green = pair.start("blue"), pair.start("green")
    assert clock(blue).startswith("waits")
    assert pair.written("clock") == []
    expected: list[str] = []
    for slot in ("blue", "green", "blue"):
        pair.serve(slot)
        expected += [f"start {slot}"]
        wait_until(lambda: pair.written("clock") == expected, f"it runs in {slot}")  # noqa: B023 - called within this turn of the loop
        wait_until(lambda: clock(pair.slots[slot]) == "up", "and is said to")  # noqa: B023 - called within this turn of the loop
        expected += [f"end {slot}"]
    wait_until(lambda: clock(green).startswith("waits"), "the process of the other slot waits again")
    assert green.exec(f"{LIB}/service_states.py", "--faults").ok
    assert blue.serves()


def test_an_exclusive_process_goes_to_the_other_slot_when_its_own_dies(pair: Pair) -> None:
    blue, _ = pair.start("blue"), pair.start("green")
    pair.serve("blue")
    wait_until(lambda: pair.written("clock") == ["start blue"], "it runs in blue")
    blue.engine.podman("kill", blue.name)
    pair.serve("green")
    wait_until(lambda: pair.written("clock") == ["start blue", "start green"], "it runs in green")


def job(container: Container, name: str, *options: str) -> None:
    """Have a job begin as cron would, and do not wait for it."""
    command = (f"{LIB}/cron-job", *options, name, "sh", "-c", f"echo $NUWA_SLOT >>/srv/shared/{name}")
    container.engine.exec(container.name, *command, options=["--detach"])


def runs(container: Container, command: str) -> bool:
    """Whether a process of the container has these words in its command line."""
    listing = "for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null"
    return container.exec("sh", "-c", f"{listing} | grep -q '[{command[0]}]{command[1:]}'").ok


def test_a_timed_job_runs_once_in_a_minute_in_the_slot_that_serves(pair: Pair) -> None:
    blue, green = pair.start("blue"), pair.start("green")
    pair.serve("blue")
    for container in (green, blue, green, blue):
        job(container, "tidy")
    wait_until(lambda: pair.written("tidy"), "the job runs")
    # Whoever came too late is gone by then.
    wait_until(lambda: not runs(green, "cron-job tidy"), "the other slot gives up")
    assert pair.written("tidy") == ["blue"]


def test_a_switch_in_the_middle_of_a_minute_neither_loses_nor_doubles_a_job(pair: Pair) -> None:
    blue, green = pair.start("blue"), pair.start("green")
    pair.serve("blue")
    job(green, "tidy")
    pair.serve("green", now=True)
    job(blue, "tidy")
    wait_until(lambda: pair.written("tidy"), "the job runs")
    wait_until(lambda: not runs(blue, "cron-job tidy") and not runs(green, "cron-job tidy"), "both end")
    assert pair.written("tidy") in (["green"], ["blue"])


def test_a_job_whose_minute_the_next_slots_cron_missed_runs_in_the_slot_that_visitors_have_left(
    pair: Pair,
) -> None:
    blue = pair.start("blue")
    pair.serve("green", now=True)
    job(blue, "tidy")
    wait_until(lambda: pair.written("tidy"), "the job runs")
    assert pair.written("tidy") == ["blue"]


def test_a_slot_that_never_served_runs_no_job_and_waits_with_those_of_its_start(pair: Pair) -> None:
    green = pair.start("green")
    job(green, "boot", "--at-start")
    job(green, "tidy")
    wait_until(lambda: runs(green, "at-start boot"), "it waits")
    assert pair.written("boot") == pair.written("tidy") == []
    pair.serve("green")
    wait_until(lambda: pair.written("boot") == ["green"], "it runs once the slot serves")


def test_a_job_that_still_runs_in_the_other_slot_is_not_run_a_second_time(pair: Pair) -> None:
    blue, green = pair.start("blue"), pair.start("green")
    pair.serve("blue")
    command = (f"{LIB}/cron-job", "--at-start", "long", "sleep", "30")
    blue.engine.exec(blue.name, *command, options=["--detach"])
    wait_until(lambda: "long.pid" in blue.sh("ls /run/nuwa/cron"), "it runs")
    pair.serve("green")
    assert green.exec(*command).ok
    wait_until(lambda: "cron-long: still running since its last time; skipped" in green.log(), "skipped")


def test_the_app_cannot_touch_what_the_slots_agree_on(pair: Pair) -> None:
    blue = pair.start("blue")
    for file in ("jobs/x", "current"):
        assert not blue.exec(f"{LIB}/app-env", "touch", f"{pair.runtime}/{file}").ok
