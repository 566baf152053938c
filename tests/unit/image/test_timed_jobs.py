"""cron-job in two slots, with late crons and switches at random: every minute exactly once.

A minute of the script lasts a second and a half here.
"""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from nuwa.resources import IMAGES

LIB = IMAGES / "base/rootfs/usr/lib/nuwa"
MINUTE_S = 1.5
MINUTES = 12


class Slots:
    """Two containers' views of one runtime folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs").mkdir()
        for slot in ("blue", "green"):
            own = folder / slot
            for name in ("environment", "cron"):
                (own / name).mkdir(parents=True)
            (own / "environment/NUWA_SLOT").write_text(f"{slot}\n")
            (own / "environment/NUWA_RUNTIME").write_text(f"{folder}\n")
            self._write(own / "app-env", f'#!/bin/sh\necho "{slot} $*" >>{folder}/ran\n')
            self._write(own / "log-as", f"#!/bin/sh\ncat >>{folder}/said\n")
            text = (LIB / "slot").read_text().replace("/run/s6/container_environment", f"{own}/environment")
            self._write(own / "slot", text)
            self._write(own / "cron-job", self._script(own))

    def _script(self, own: Path) -> str:
        text = (LIB / "cron-job").read_text()
        for old, new in {
            "source /usr/lib/nuwa/slot": f"source {own}/slot",
            "/usr/lib/nuwa/app-env": f"{own}/app-env",
            "/usr/lib/nuwa/log-as": f"{own}/log-as",
            "readonly state=/run/nuwa/cron": f"readonly state={own}/cron",
            "HOLD_SECONDS=45": "HOLD_SECONDS=2",
            "exec >/proc/1/fd/1 2>&1": "",
            "printf -v minute '%(%s)T' -1\n  minute=$((minute / 60))": "minute=$TEST_MINUTE",
            "sleep 0.5": "sleep 0.05",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        return text

    @staticmethod
    def _write(file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o755)

    def serve(self, slot: str, since: int = 0) -> None:
        """Visitors change to a slot, before the first minute or at the epoch second `since`."""
        new = self.folder / "new"
        new.symlink_to(f"{slot}/server.sock")
        os.utime(new, (since, since), follow_symlinks=False)
        new.rename(self.folder / "current")

    def fire(self, slot: str, minute: int, delay: float) -> subprocess.Popen[bytes]:
        """Have the cron of a slot start the job of a minute, late."""
        script = f"sleep {delay:.3f}; exec {self.folder}/{slot}/cron-job job {minute}"
        return subprocess.Popen(
            ["bash", "-c", script], env={"TEST_MINUTE": str(minute), "PATH": "/usr/bin:/bin"}
        )

    def ran(self) -> list[int]:
        file = self.folder / "ran"
        return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("seed", [1, 2])
def test_every_minute_s_job_runs_exactly_once_whenever_visitors_change_slots(
    tmp_path: Path, seed: int
) -> None:
    chance, slots = random.Random(seed), Slots(tmp_path)
    serving = "blue"
    slots.serve(serving)
    fired = []
    for minute in range(100, 100 + 2 * MINUTES, 2):
        for slot in ("blue", "green"):
            fired.append(slots.fire(slot, minute, chance.uniform(0, 0.4)))
        end = time.monotonic() + MINUTE_S
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.02, 0.5))
            if chance.random() < 0.6:
                serving = "green" if serving == "blue" else "blue"
                slots.serve(serving)
    for process in fired:
        process.wait(20)
    assert sorted(slots.ran()) == list(range(100, 100 + 2 * MINUTES, 2))
    said = tmp_path / "said"
    assert not said.exists() or said.read_text() == ""


def test_a_job_runs_though_the_host_looks_at_its_lock_just_then(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.serve("blue")
    with (tmp_path / "jobs/job.running").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = slots.fire("blue", 7, 0)
        while not (tmp_path / "jobs/job.claim").exists():
            time.sleep(0.01)
        time.sleep(0.2)
    assert job.wait(20) == 0
    assert slots.ran() == [7]


def test_a_slot_that_never_served_runs_nothing(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.serve("blue")
    assert slots.fire("green", 7, 0).wait(20) == 0
    assert slots.ran() == []


def test_a_slot_that_served_when_the_minute_began_runs_what_the_next_ones_cron_missed(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.serve("green", since=7 * 60 + 2)
    assert slots.fire("blue", 7, 0).wait(20) == 0
    assert slots.ran() == [7]
    assert slots.fire("green", 7, 0).wait(20) == 0
    assert slots.ran() == [7]


def test_a_slot_that_had_left_before_the_minute_runs_nothing(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.serve("green", since=7 * 60 - 1)
    assert slots.fire("blue", 7, 0).wait(20) == 0
    assert slots.ran() == []


def test_a_clock_that_was_set_back_stops_no_job(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.serve("blue")
    for minute in (500, 440, 441):
        slots.fire("blue", minute, 0).wait(20)
    assert slots.ran() == [500, 440, 441]


def test_a_container_without_a_slot_is_alone_and_runs_each_job_whenever_it_is_asked(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    (tmp_path / "blue/environment/NUWA_SLOT").unlink()
    for minute in (5, 5, 6):
        slots.fire("blue", minute, 0).wait(20)
    assert slots.ran() == [5, 5, 6]
