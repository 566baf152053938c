"""Checks for command lines and cron schedules in `nuwa.toml`.

Only the standard library, and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Union

REMEDY = 'write the command as a list of words, or as ["sh", "-c", "…"] to use a shell'


def command(value: Union[str, Sequence[str]]) -> tuple[str, ...]:
    """A command line as argv. A string is split into words as a shell does, but no shell runs it.

    Shell syntax in a string is refused, since nothing would interpret it; a command that needs a shell has to
    name one.
    """
    words = _split(value) if isinstance(value, str) else tuple(value)
    if not words or not words[0].strip():
        raise ValueError("a command needs at least one word")
    if any("\0" in word for word in words):
        raise ValueError("a command cannot contain a NUL")
    return words


def commands(value: Union[str, Sequence[Union[str, Sequence[str]]]]) -> tuple[tuple[str, ...], ...]:
    """One command line or several, each as argv.

    A list of strings is one command, word by word, as everywhere else. It is several commands if an item is
    itself a list, or if the first string contains a blank, since no program's name does.
    """
    if isinstance(value, str):
        return (command(value),)
    if all(isinstance(item, str) for item in value) and not (value and " " in str(value[0]).strip()):
        return (command([str(item) for item in value]),)
    return tuple(command(item) for item in value)


def _split(text: str) -> tuple[str, ...]:
    text = text.strip()
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot split {text!r} into words ({error}); {REMEDY}") from None
    found = next(_shell_syntax(text), "")
    if found:
        raise ValueError(f"{text!r} contains {found!r}, which only a shell interprets; {REMEDY}")
    return tuple(words)


_WORD_START = r"(?:^|(?<=\s))"
_SYNTAX = {
    "": re.compile(rf"[|&;<>()*`\n]|\$\S|\\\n|{_WORD_START}(?:~|#)|^[A-Za-z_][A-Za-z0-9_]*="),
    '"': re.compile(r"`|\$[A-Za-z0-9_({?#@*!$-]|\\[$`\n]"),
}
"""What a shell would interpret outside quotes and in double quotes, and backslashes that `shlex` keeps."""


def _shell_syntax(text: str) -> Iterator[str]:
    """Each piece of shell syntax in a command line that is neither quoted nor escaped."""
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        found = None if quote == "'" else _SYNTAX[quote].match(text, at)
        if found:
            yield found.group()
        if char == "\\" and quote != "'":
            at += 1
        elif char == quote:
            quote = ""
        elif char in "\"'" and not quote:
            quote = char
        at += 1


_NAMES = ("@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


def schedule(value: str) -> str:
    """A cron schedule that all crons read alike: five fields, or a name such as @daily (crontab(5))."""
    fields = value.split()
    if len(fields) == 1 and fields[0] in _NAMES:
        return fields[0]
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{value!r} is not a cron schedule: five fields such as '*/5 * * * *', or {', '.join(_NAMES)}"
        )
    for text, (what, low, high, names) in zip(fields, _FIELDS):  # noqa: B905 - `strict` needs Python 3.10
        for part in text.split(","):
            _check_part(part, what, low, high, names)
    return " ".join(fields)


def _check_part(part: str, what: str, low: int, high: int, names: dict[str, int]) -> None:
    """One item of a field's list: `*`, `5`, `1-5`, `*/10`, `1-5/2`, `mon-fri`."""
    found = re.fullmatch(
        r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,2}))?", part, re.ASCII
    )
    if not found:
        raise ValueError(f"{part!r} is not a {what} of a cron schedule")
    if found["step"] and (int(found["step"]) == 0 or (found["first"] and not found["last"])):
        raise ValueError(f"{part!r}: a step is at least 1 and follows * or a range, such as */5 or 10-50/5")
    numbers: list[int] = []
    for end in (found["first"], found["last"]):
        if end is not None:
            number = names.get(end.lower(), int(end) if end.isdigit() else -1)
            if not low <= number <= high:
                raise ValueError(f"{end!r} is not a {what}: {low} to {high}{_or_names(names)}")
            numbers.append(number)
    if numbers != sorted(numbers):
        raise ValueError(f"{part!r}: the range of a {what} runs from the lower to the higher")


def _or_names(names: dict[str, int]) -> str:
    return f", or {', '.join(names)}" if names else ""


_IN_FIELDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def kubernetes_schedule(value: str) -> str:
    """A valid schedule as a CronJob takes it, where Sunday is 0 and never 7.

    Raises:
        ValueError: it names no time (@reboot).
    """
    if value == "@reboot":
        raise ValueError("@reboot is not a time")
    fields = value.split()
    if len(fields) == len(_FIELDS) and "7" in fields[-1].replace("/7", ""):
        days = sorted({day % 7 for day in _numbers(fields[-1], *_FIELDS[-1][1:])})
        fields[-1] = ",".join(map(str, days))
    return " ".join(fields)


_YEARS = 8
"""Years that `longest_pause` covers: February 29 occurs twice in them."""


def longest_pause(value: str) -> int:
    """The longest time between two runs, in hours, rounded up; 0 if the schedule names no time (@reboot)."""
    fields = _IN_FIELDS.get(value, value).split()
    if len(fields) != len(_FIELDS):
        return 0
    minutes, hours, days, months, weekdays = (
        _numbers(text, *field[1:])
        for text, field in zip(fields, _FIELDS)  # noqa: B905 - as above
    )
    # If both fields name days, cron runs on days that match either; if one begins with *, both must match.
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    longest, last = 0, None
    day = datetime.date(2024, 1, 1)
    for number in range(_YEARS * 366):
        at = day + datetime.timedelta(number)
        fits = (at.day in days, at.isoweekday() % 7 in {weekday % 7 for weekday in weekdays})
        if at.month in months and (any(fits) if either else all(fits)):
            for time in times:
                now = number * 1440 + time
                longest = max(longest, now - last if last is not None else 0)
                last = now
    return -(-longest // 60)


def _numbers(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """The numbers that one field of a valid schedule stands for."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            start, end = low, high
        else:
            start = names.get(first.lower(), int(first) if first.isdigit() else -1)
            end = names.get(last.lower(), int(last) if last.isdigit() else start) if last else start
        found.update(range(start, end + 1, int(step or 1)))
    return found
