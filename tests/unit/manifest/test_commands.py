"""Commands and schedules: a text means what a shell would make of it, or is refused."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nuwa.manifest.commands import command, commands, longest_pause, schedule


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    return tmp_path_factory.mktemp("empty")


SHELL = st.text("ab 1'\"\\$`|&;<>()*{}~#=!?-\n\t%@", max_size=24)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python manage.py migrate --noinput", ("python", "manage.py", "migrate", "--noinput")),
        ("  a   b ", ("a", "b")),
        ("a 'b c' \"d e\" f\\ g", ("a", "b c", "d e", "f g")),
        ("a 'x | y; $z `w`'", ("a", "x | y; $z `w`")),
        ('a "x | y; z"', ("a", "x | y; z")),
        ("a \\$x", ("a", "$x")),
        ("a b=c --d=e", ("a", "b=c", "--d=e")),
        ("a x#y x~y", ("a", "x#y", "x~y")),
        ("a ''", ("a", "")),
        ("a 'line\nbreak'", ("a", "line\nbreak")),
    ],
)
def test_splits_a_text_like_a_shell(text, words):
    assert command(text) == words


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("a | b", "|"),
        ("a && b", "&"),
        ("a; b", ";"),
        ("a > f", ">"),
        ("a $HOME", "$H"),
        ('a "$HOME"', "$H"),
        ('a "${HOME}"', "${"),
        ("a $(b)", "$("),
        ("a `b`", "`"),
        ('a "`b`"', "`"),
        ('a "\\$b"', "\\$"),
        ("a \"it's\" | b 'c'", "|"),
        ("rm *.pyc", "*"),
        ("cd ~", "~"),
        ("a # b", "#"),
        ("A=1 b", "A="),
        ("a\nb", "\n"),
        ("(a)", "("),
    ],
)
def test_refuses_shell_syntax_and_says_what_to_write_instead(text, syntax):
    with pytest.raises(ValueError, match=r"\[\"sh\", \"-c\", \"…\"\]") as refused:
        command(text)
    assert repr(syntax) in str(refused.value)


@pytest.mark.parametrize("value", ["", "  ", "''", [], [""], ["a", "b\0"], "a 'b", 'a "b', "a \\"])
def test_refuses_what_is_no_command(value):
    with pytest.raises(ValueError, match=r"command|words"):
        command(value)


def test_takes_a_list_as_it_is():
    words = ["sh", "-c", "a | b > $HOME; `c`\n"]
    assert command(words) == tuple(words)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@example("a \"b'c\" 'd\"e'")
@example("a \\'b")
@example('a "b\\"c"')
@given(SHELL)
def test_a_text_that_is_taken_gives_the_words_that_sh_makes_of_it(empty, text):
    """In an empty folder, where `?` and `[` match nothing."""
    try:
        words = command("x " + text)
    except ValueError:
        return
    script = f"printf '%s\\0' x {text.strip()}"
    env = {"PATH": os.environ["PATH"]}
    shell = subprocess.run(["sh", "-c", script], capture_output=True, env=env, cwd=empty, check=False)
    assert tuple(shell.stdout.decode().split("\0")[:-1]) == words


@pytest.mark.parametrize(
    ("value", "argvs"),
    [
        ("a 'b c'", (("a", "b c"),)),
        (["sh", "-c", "a && b"], (("sh", "-c", "a && b"),)),
        ([["a", "b c"], "d e"], (("a", "b c"), ("d", "e"))),
        (["d e", ["a", "b"]], (("d", "e"), ("a", "b"))),
        (["python manage.py one", "two"], (("python", "manage.py", "one"), ("two",))),
    ],
)
def test_takes_one_command_or_several(value, argvs):
    assert commands(value) == argvs


@pytest.mark.parametrize("value", ["", [], [[]], [["a"], "b | c"]])
def test_refuses_several_commands_of_which_one_is_none(value):
    with pytest.raises(ValueError, match=r"command|shell"):
        commands(value)


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/5 0-6 1,15 * 1-5",
        "1-5/2 * * * *",
        "0 4 * jan-mar mon,wed,FRI",
        "59 23 31 12 7",
        "@daily",
        "@reboot",
    ],
)
def test_takes_schedules_that_every_cron_understands(text):
    assert schedule(text) == text


def test_gives_a_schedule_single_spaces():
    assert schedule(" 0  4\t* * * ") == "0 4 * * *"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "5/2 * * * *",
        "a * * * *",
        "mon * * * *",
        "* * * mon *",
        "* * * * jan",
        "sat-sun * * * *",
        "* * * * sat-sun",
        "1,,2 * * * *",
        "- * * * *",
        "* * * * *; x",
        "%a * * * *",
        "@often",
        "٣ * * * *",
    ],
)
def test_refuses_schedules_that_a_cron_would_refuse_or_misread(text):
    with pytest.raises(ValueError, match=r"cron|field|minute|hour|day|month|step|range"):
        schedule(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("@daily", 24),
        ("@hourly", 1),
        ("@weekly", 168),
        ("@monthly", 31 * 24),
        ("@reboot", 0),
        ("*/5 * * * *", 1),
        ("0 2,14 * * *", 12),
        ("0 9 * * mon-fri", 72),
        ("30 5 * * 7", 168),
        ("0 0 1 * sun", 168),
        ("0 0 29 2 *", 4 * 365 * 24 + 24),
    ],
)
def test_knows_the_longest_pause_of_a_schedule(text, hours):
    assert longest_pause(text) == hours
