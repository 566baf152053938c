"""Progress: what a person, a log and a program see of the same work."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from nuwa import console


def work(progress):
    with progress.step("base: install") as step:
        step.line("Get:1 [x] nginx\n")
        with progress.step("inner") as inner:
            inner.done("cached")
    progress.note("careful [red]")
    progress.result({"image": "x"}, "built x")


def broken(progress):
    with progress.step("outer"), progress.step("inner"):
        raise ValueError("no")


def without_times(text):
    import re

    return re.sub(r"\d+\.\d s", "T", text)


def test_plain_lines_say_begin_and_end(capsys):
    work(console.Plain())
    shown = capsys.readouterr()
    assert without_times(shown.err).splitlines() == [
        "base: install …",
        "  inner …",
        "  inner: cached (T)",
        "base: install: done (T)",
        "careful [red]",
    ]
    assert shown.out == "built x\n"


def test_plain_lines_hold_what_programs_print_only_when_asked(capsys):
    work(console.Plain(verbose=True))
    assert "  Get:1 [x] nginx\n" in capsys.readouterr().err


def test_plain_lines_mark_every_step_that_failed_on_the_way_out(capsys):
    with pytest.raises(ValueError, match="no"):
        broken(console.Plain())
    assert without_times(capsys.readouterr().err).splitlines()[2:] == [
        "  inner: failed after T",
        "outer: failed after T",
    ]


def test_an_interrupted_step_is_not_called_failed(capsys):
    progress = console.Plain()
    with pytest.raises(KeyboardInterrupt), progress.step("work"):
        raise KeyboardInterrupt
    assert "work: interrupted" in capsys.readouterr().err


def test_quiet_shows_the_result_alone(capsys):
    work(console.Quiet())
    assert capsys.readouterr() == ("built x\n", "")


def test_json_is_one_object_on_stdout(capsys):
    work(console.Json())
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert shown.err == ""
    assert data["image"] == "x"
    assert data["notes"] == ["careful [red]"]
    assert [(step["title"], step["ok"], step["note"]) for step in data["steps"]] == [
        ("base: install", True, ""),
        ("inner", True, "cached"),
    ]


def live(width=60):
    from rich.console import Console

    stream = io.StringIO()
    return console.Live(Console(file=stream, force_terminal=True, width=width, color_system=None)), stream


def test_live_keeps_one_line_for_each_finished_step(capsys):
    progress, stream = live()
    work(progress)
    shown = without_times(stream.getvalue())
    assert "  ✓ inner  cached  T\n" in shown
    assert "✓ base: install  T\n" in shown
    assert "careful [red]" in shown
    assert capsys.readouterr().out == "built x\n"


def test_live_shows_the_last_line_and_cuts_it_to_the_terminal():
    progress, stream = live(40)
    with progress.step("build") as step:
        step.line("x" * 500)
    assert "x" * 20 in stream.getvalue()
    assert "x" * 40 not in stream.getvalue()


def test_live_marks_a_failed_step_and_gives_the_cursor_back():
    progress, stream = live()
    with pytest.raises(ValueError, match="no"):
        broken(progress)
    assert "✗ inner  failed" in stream.getvalue()
    assert "✗ outer  failed" in stream.getvalue()
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l")


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07red", "r\red", "\x1b]8;;http://x\x1b\\red", "re\x07d\r\n"]
)
def test_programs_cannot_move_the_cursor_or_name_the_window(text):
    assert console.clean(text) == "red"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"terminal": True}, console.Live),
        ({"terminal": False}, console.Plain),
        ({"terminal": True, "verbose": True}, console.Plain),
        ({"terminal": True, "quiet": True}, console.Quiet),
        ({"terminal": True, "quiet": True, "as_json": True}, console.Json),
    ],
)
def test_the_options_and_the_terminal_choose(options, kind):
    assert type(console.choose(**options)) is kind


def test_rich_is_imported_only_when_a_live_step_starts():
    code = "import sys; from nuwa import console; console.Live(); assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
