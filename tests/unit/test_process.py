"""Programs are started with a list, an explicit environment, and an end."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nuwa import process
from nuwa.errors import CommandError, NuwaError
from nuwa.process import last_lines, run


def test_arguments_reach_the_program_unharmed() -> None:
    odd = ["", "a b", "$HOME", "`id`", 'it\'s "x"', "new\nline", "ü😀", "*"]
    printed = run(["printf", "%s\\0", *odd]).stdout
    assert printed.split("\0")[:-1] == odd


def test_a_failure_carries_the_command_and_the_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 100; echo wrong >&2; exit 3"])
    assert caught.value.code == 3
    assert caught.value.details.splitlines()[-1] == "wrong"
    assert len(caught.value.details.splitlines()) == process.LAST_LINES
    assert caught.value.message.startswith("sh -c 'seq 100;")


def test_a_failure_may_be_a_result() -> None:
    assert run(["false"], check=False).code == 1


def test_standard_input_is_empty_unless_given() -> None:
    assert run(["cat"]).stdout == ""
    assert run(["cat"], input="given").stdout == "given"


def test_variables_are_set_on_top_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "1")
    assert run(["sh", "-c", "echo $OUTER $INNER"], env={"INNER": "2"}).stdout == "1 2\n"


def test_lines_are_passed_on_as_they_come() -> None:
    lines: list[str] = []
    run(["sh", "-c", "echo out; echo err >&2"], on_line=lines.append)
    assert sorted(lines) == ["err", "out"]


def test_a_missing_program_is_named() -> None:
    with pytest.raises(NuwaError, match="nuwa-no-such-program is not installed"):
        run(["nuwa-no-such-program"])


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(NuwaError, match="did not finish within"):
        run(["sh", "-c", f"sleep 60 & echo $! >{tmp_path}/child; wait"], timeout=0.5)
    child = int((tmp_path / "child").read_text())
    assert ended(child)


def ended(pid: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def interrupt_when(file: Path) -> None:
    """Press Ctrl-C once the program has begun."""

    def wait() -> None:
        while not file.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait).start()


def test_ctrl_c_ends_the_program(tmp_path: Path) -> None:
    interrupt_when(tmp_path / "begun")
    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", f"echo $$ >{tmp_path}/pid; touch {tmp_path}/begun; sleep 60"])
    assert ended(int((tmp_path / "pid").read_text()))


def test_ctrl_c_lets_a_program_end_by_itself_where_it_can(tmp_path: Path) -> None:
    script = (
        f"touch {tmp_path}/begun; until [ -e {tmp_path}/stop ]; do sleep 0.01; done; touch {tmp_path}/tidied"
    )
    interrupt_when(tmp_path / "begun")
    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", script], on_line=print, wind_down=lambda: (tmp_path / "stop").touch())
    assert (tmp_path / "tidied").exists()


def test_a_program_that_does_not_wind_down_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WIND_DOWN_S", 0.1)
    interrupt_when(tmp_path / "begun")
    with pytest.raises(KeyboardInterrupt):
        run(
            ["sh", "-c", f"echo $$ >{tmp_path}/pid; touch {tmp_path}/begun; sleep 60"], wind_down=lambda: None
        )
    assert ended(int((tmp_path / "pid").read_text()))


def test_last_lines() -> None:
    assert last_lines("a\nb\nc\n\n", 2) == "b\nc"


def test_a_program_whose_lines_are_followed_gets_its_input_too():
    lines: list[str] = []
    text = "".join(f"line {number}\n" for number in range(20_000))  # more than a pipe holds
    result = run(["cat"], input=text, on_line=lines.append)
    assert result.stdout.splitlines() == lines == text.splitlines()
