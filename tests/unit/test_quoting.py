"""Quoting: what is quoted comes back unharmed out of the language itself, or is refused."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuwa import quoting

NASTY = [
    *("", " ", "a b", "$HOME", "`id`", "$(id)", "it's", '"x"', "\\", "a\\", "%", "%n", "~", "*", "a;b", "-x"),
    *("ü✓", "a\tb", "#x", "!", "{a,b}", "'\"'", "\\n", "$$", "a=b", "|", "&", "<", ">"),
]
MULTI_LINE = ["a\nb", "\n", "a\r\nb"]
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


def words_by_sh(line, shell="sh"):
    """What a real shell makes of a command line."""
    done = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT | st.sampled_from(NASTY + MULTI_LINE), min_size=1, max_size=6))
def test_a_shell_gives_back_every_word(words):
    assert words_by_sh(quoting.sh_argv(words)) == words


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_every_nasty_word_survives_a_shell(shell):
    words = NASTY + MULTI_LINE
    assert words_by_sh(quoting.sh_argv(words), shell) == words


def test_a_crontab_line_gives_back_every_word():
    """cron turns `\\%` into `%` and hands the line to sh."""
    for word in NASTY:
        quoted = quoting.cron(word)
        assert "%" not in quoted.replace("\\%", "")
        assert words_by_sh(quoted.replace("\\%", "%")) == [word]


def words_by_systemd(line):
    """What systemd makes of an `Exec…=` line, by the rules of systemd.service(5) and systemd.syntax(7)."""
    words, word, at = [], None, 0
    quoted = False
    while at < len(line):
        char = line[at]
        if char == " " and not quoted:
            words += [word] if word is not None else []
            word = None
        elif char == '"':
            quoted, word = not quoted, word or ""
        elif char == "\\":
            at += 1
            assert line[at] in '\\"', "no other escape is written"
            word = (word or "") + line[at]
        elif char in "%$":
            at += 1
            assert line[at] == char, "a specifier or variable is left"
            word = (word or "") + char
        else:
            word = (word or "") + char
        at += 1
    assert not quoted
    return words + ([word] if word is not None else [])


@given(st.lists(TEXT | st.sampled_from(NASTY), min_size=1, max_size=5))
def test_a_unit_file_gives_back_every_word(words):
    try:
        line = quoting.systemd_argv(words)
    except quoting.CannotQuote:
        assert any(set("\r\n\0") & set(word) for word in words)
        return
    assert words_by_systemd(line) == words
    assert "\n" not in line


def nginx_argument(text):
    """One argument of a directive, by the rules of nginx's own parser (ngx_conf_read_token)."""
    if not text.startswith('"'):
        assert not set(text) & set(" \t\r\n;{}\"'\\$#")
        return text
    assert text.endswith('"')
    return re.sub(r"\\(.)", r"\1", text[1:-1])


@given(TEXT | st.sampled_from(NASTY))
def test_an_nginx_argument_is_one_argument_and_holds_no_variable(word):
    try:
        quoted = quoting.nginx(word)
    except quoting.CannotQuote:
        assert set(word) & set("$\r\n\0")
        return
    assert "$" not in quoted
    assert nginx_argument(quoted) == word


@given(TEXT | st.sampled_from(NASTY))
def test_a_monit_string_holds_none_of_its_own_quotes(word):
    try:
        quoted = quoting.monit(word)
    except quoting.CannotQuote:
        assert set(word) & set("\r\n\0") or {"'", '"'} <= set(word)
        return
    assert quoted[0] == quoted[-1]
    assert quoted[0] not in quoted[1:-1]
    assert quoted[1:-1] == word


@given(st.text(max_size=20) | st.sampled_from([*NASTY, *MULTI_LINE, "\x7f", "\x00"]))
def test_toml_gives_back_every_text(text):
    try:
        assert tomllib.loads(f"x = {quoting.toml(text)}")["x"] == text
    except quoting.CannotQuote:
        with pytest.raises(UnicodeEncodeError):
            text.encode()


@given(st.text(max_size=20))
def test_a_comment_stays_one_line(text):
    assert not set("\r\n\0\t") & set(quoting.comment(text))


@pytest.mark.parametrize("name", ["sh", "systemd", "systemd_text", "nginx", "monit"])
def test_nothing_takes_a_nul(name):
    with pytest.raises(quoting.CannotQuote, match="NUL"):
        quoting.FILTERS[name]("a\0b")


@pytest.mark.parametrize("name", ["systemd", "systemd_text", "nginx", "monit", "cron"])
@pytest.mark.parametrize("text", MULTI_LINE)
def test_languages_of_one_line_take_no_line_break(name, text):
    with pytest.raises(quoting.CannotQuote, match="line break"):
        quoting.FILTERS[name](text)


def test_a_refusal_shows_the_value_on_one_line():
    with pytest.raises(quoting.CannotQuote) as refused:
        quoting.systemd("a\nb")
    assert json.dumps(str(refused.value)).count("\\n") == 1


def values_of_environment_file(text):
    """What systemd makes of a file for `EnvironmentFile=` with quoted values, by systemd.exec(5)."""
    found = {}
    for name, raw in re.findall(r'^(\w+)="((?:[^"\\]|\\.)*)"$', text, re.MULTILINE | re.DOTALL):
        found[name] = re.sub(r'\\(["\\`$])', r"\1", raw)
    return found


@given(st.dictionaries(st.from_regex(r"\A[A-Z_]+\Z"), TEXT | st.sampled_from(NASTY + MULTI_LINE)))
def test_a_file_of_variables_gives_back_every_value(values):
    text = "".join(f"{quoting.environment_file(name, value)}\n" for name, value in values.items())
    assert values_of_environment_file(text) == values


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=12))
def test_a_shell_reads_the_same_out_of_a_file_of_variables(value):
    line = quoting.environment_file("A", value)
    done = subprocess.run(["sh", "-c", f'{line}\nprintf %s "$A"'], capture_output=True, check=True)
    assert done.stdout.decode() == value


@pytest.mark.parametrize("value", ["a\0", "\ud800"])
def test_what_no_environment_carries_is_refused(value):
    with pytest.raises(quoting.CannotQuote):
        quoting.environment_file("A", value)
