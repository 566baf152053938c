"""What the image says of the services that run in a container, from what s6 and the finish scripts know."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nuwa.resources import IMAGES

LIB = IMAGES / "base/rootfs/usr/lib/nuwa"
UPTIME, CLOCK = 10_000, 1_700_000_000.0


def load() -> Any:
    spec = importlib.util.spec_from_file_location("service_states", LIB / "service_states.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


states = load()


class Life:
    """A service's memory, kept by the real shell functions on a clock that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.delay = folder, 100, 0

    def sh(self, script: str, *, wanted: bool = True) -> str:
        svstat = self.folder / "bin/s6-svstat"
        svstat.parent.mkdir(exist_ok=True)
        svstat.write_text(f"#!/bin/sh\necho {str(wanted).lower()}\n")
        svstat.chmod(0o755)
        code = f"""
          PATH={svstat.parent}:$PATH life={self.folder}
          . {self.folder}/functions
          uptime_seconds() {{ now={self.now}; }}
          {script}"""
        return subprocess.run(["sh", "-euc", code], check=True, capture_output=True, text=True).stdout

    def starts(self) -> int:
        self.delay = int(
            self.sh("load_life w; backoff_delay; until=$((now + delay)); save_life w up; echo $delay")
        )
        return self.delay

    def ends(self, after: int, code: int = 1, signal: int = 0, *, wanted: bool = True) -> None:
        self.now += after
        self.sh(f"note_end w {code} {signal} w 1", wanted=wanted)

    def judged(self, *, wanted: bool = True) -> dict[str, Any]:
        file = self.folder / "w"
        found: dict[str, Any] = states.judge(
            "process-w",
            states.Supervision(wanted, wanted, 5),
            states.read_life(file.read_text()) if file.exists() else {},
            self.now,
            CLOCK,
        )
        return found


@pytest.fixture
def life(tmp_path: Path) -> Life:
    text = (LIB / "life").read_text()
    assert "readonly life=/run/nuwa/life\n" in text
    (tmp_path / "functions").write_text(text.replace("readonly life=/run/nuwa/life\n", ""))
    return Life(tmp_path)


def test_a_service_that_runs_is_up(life: Life) -> None:
    assert life.starts() == 0
    life.now += 300
    assert (life.judged()["state"], life.judged()["text"]) == ("up", "up for 5 min")
    assert life.judged()["since"] == CLOCK - 300


def test_one_crash_is_told_and_is_no_failure(life: Life) -> None:
    life.starts()
    life.ends(3, 9)
    assert life.starts() == 0
    found = life.judged()
    assert (found["state"], found["deaths"], found["reason"]) == ("up", 1, "exited with 9")
    assert found["text"] == "up for 0 s; ended once, last 0 s ago: exited with 9"


@pytest.mark.parametrize("lasts", [0, 1, 10, 20, 45, 110])
def test_what_crashes_again_keeps_failing_however_long_it_takes_to_die(life: Life, lasts: int) -> None:
    for _ in range(6):
        life.now += life.starts()
        life.ends(lasts)
    life.starts()
    for moment in (0, lasts // 2, lasts - lasts // 2):
        life.now += moment
        assert life.judged()["state"] == "failing"
    assert life.judged()["deaths"] == 6
    assert "keeps failing" in life.judged()["text"]


def test_it_is_up_again_once_it_has_been_up_for_a_while(life: Life) -> None:
    for _ in range(3):
        life.starts()
        life.ends(1)
    life.starts()
    life.now += states.STABLE_S - 1
    assert life.judged()["state"] == "failing"
    life.now += 1
    assert life.judged()["state"] == "up"
    assert life.judged()["deaths"] == 3, "it is not forgotten"
    life.ends(0)
    assert life.judged()["state"] == "up", "a new streak"


def test_starts_back_off(life: Life) -> None:
    delays = []
    for _ in range(9):
        delays.append(life.starts())
        life.ends(1)
    assert delays == [0, 0, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(("code", "signal"), [(256, 15), (143, 0)])
def test_an_end_by_sigterm_is_no_failure(life: Life, code: int, signal: int) -> None:
    for _ in range(5):
        assert life.starts() == 0
        life.ends(2, code, signal)
    life.starts()
    assert (life.judged()["state"], life.judged()["deaths"]) == ("up", 0)


def test_three_restarts_of_a_process_that_ends_with_0_are_no_failure(life: Life) -> None:
    for _ in range(3):
        life.starts()
        life.ends(10, 0)
    life.starts()
    assert life.judged()["state"] == "up"


def test_a_process_that_is_always_done_at_once_keeps_failing(life: Life) -> None:
    for _ in range(4):
        life.starts()
        life.ends(1, 0)
    assert life.judged()["state"] == "failing"


def test_an_end_that_was_asked_for_is_no_failure(life: Life) -> None:
    for _ in range(4):
        life.starts()
        (life.folder / "w.asked").touch()
        life.ends(1, 256, 9)
    assert not (life.folder / "w.asked").exists()
    for _ in range(4):
        life.starts()
        life.ends(1, 3, wanted=False)
    assert life.judged(wanted=False)["deaths"] == 0
    assert life.judged(wanted=False)["state"] == "down"


def test_an_end_in_the_back_off_or_while_it_waits_is_none_of_its_own(life: Life) -> None:
    life.sh("save_life w standby")
    assert life.judged()["state"] == "standby"
    life.ends(5, 256, 9)
    assert life.judged()["deaths"] == 0


def test_a_service_without_a_memory_is_what_s6_says() -> None:
    def judge(up: bool, wanted: bool) -> str:
        found = states.judge("cron", states.Supervision(up, wanted, 5), {}, UPTIME, CLOCK)
        return str(found["state"])

    assert [judge(True, True), judge(False, True), judge(False, False)] == ["up", "down", "down"]


def test_faults_are_what_fails_and_what_is_down_but_never_the_server() -> None:
    def fault(name: str, state: str) -> bool:
        return bool(states.is_fault({"name": name, "state": state}))

    assert fault("worker", "failing")
    assert fault("cron", "down")
    assert not fault("worker", "standby")
    assert not fault("server", "down"), "that is the health check's"


def test_both_sides_count_alike() -> None:
    assert f"readonly STABLE={states.STABLE_S}\n" in (LIB / "life").read_text()
