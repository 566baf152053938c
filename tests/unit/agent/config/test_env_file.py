"""A file of variables as systemd reads it; the expected values were seen with systemd 252 and 257."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuwa import quoting
from nuwa.agent.config import env_file

NO_VARIABLE = {"name", "no value", "semicolon", "comment continues"}


def values(text: str) -> dict[str, str]:
    return {item.name: item.value for item in env_file.read(text) if not item.marks & NO_VARIABLE}


@pytest.mark.parametrize(
    ("line", "value", "marks"),
    [
        ("T=x", "x", set()),
        ("T=", "", set()),
        ("T=a=b", "a=b", set()),
        ('T="a b"', "a b", {"quotes"}),
        ("T='a $b'", "a $b", {"quotes"}),
        ("export T=x", None, {"name"}),
        ("T=a # c", "a # c", {"comment"}),
        ("T=a#c", "a#c", set()),
        ("T=a$HOME", "a$HOME", {"dollar"}),
        ("T=a\\nb", "anb", {"backslash"}),
        ('T="a\\nb"', "a\\nb", {"quotes", "escape"}),
        ("T = x", "x", {"spaced"}),
        ("T=a b  ", "a b", {"blanks"}),
        (";T=x", None, {"semicolon"}),
        ("#T=x", None, set()),
        ('T="a"b', "ab", {"quotes"}),
        ("T=x\\\ny", "xy", {"continued"}),
        ('T="one\ntwo"', "one\ntwo", {"quotes", "continued"}),
        ('T=a"b', 'a"b', set()),
        ('T="x\nU=y', "x\nU=y", {"quotes", "continued", "open quote"}),
        ("T", None, {"no value"}),
        ("\ufeffT=x", None, {"name"}),
        ("T=x\r", "x", set()),
        ("# a\\\nT=x", None, {"comment continues"}),
        ("T=`id`", "`id`", {"dollar"}),
    ],
)
def test_a_line_is_read_as_systemd_reads_it_and_differences_are_marked(
    line: str, value: str | None, marks: set[str]
) -> None:
    found = env_file.read(f"{line}\n" if "open quote" not in marks else line)
    assert values(line) == ({} if value is None else {"T": value})
    assert (found[0].marks if found else set()) == marks


def test_notes_name_their_lines_and_the_gravest_comes_first() -> None:
    text = "A=1\nexport B=2\n# c\nC='x'\nD=\"y\"\nE=z # note\n"
    assert env_file.notes(text) == [
        f"line 2 {env_file.NOTES['name']}",
        f"line 6 {env_file.NOTES['comment']}",
        f"each of the lines 4, 5 {env_file.NOTES['quotes']}",
    ]
    assert env_file.notes("A=1\nB=two\n# c\n\nC=a=b\n") == []


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.dictionaries(st.from_regex(r"\A[A-Z]+\Z"), VALUES))
def test_what_is_written_for_systemd_is_read_back(given_values: dict[str, str]) -> None:
    text = "".join(f"{quoting.environment_file(name, value)}\n" for name, value in given_values.items())
    assert values(text) == given_values


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    env_file.notes(text)
