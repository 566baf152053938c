"""What a single value of `nuwa.toml` may be: each check returns the value in its one spelling or says why not.

Only the standard library, and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import List, Union

_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def _match(pattern: str, value: str, expected: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{value!r} is not {expected}")
    return value


def app_name(value: str) -> str:
    return _match(
        r"[a-z][a-z0-9-]{0,38}", value, "a name of 1 to 39 lower-case letters, digits and hyphens, letter first"
    )


def part_name(value: str) -> str:
    """The name of a process, a cron job or a volume; `log`, `secrets` and `static` are nuwa's own folders."""
    return _match(r"[a-z][a-z0-9_-]{0,30}", value, "a name of lower-case letters, digits, - and _, letter first")


def volume_name(value: str) -> str:
    if value in ("log", "secrets", "static"):
        raise ValueError(f"{value!r} is a folder that nuwa keeps itself; choose another name")
    return part_name(value)


def version(value: str) -> str:
    return _match(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", value, "an image tag (letters, digits, _ . -)")


def variable_name(value: str) -> str:
    return _match(r"[A-Za-z_][A-Za-z0-9_]*", value, "the name of an environment variable")


def variable_value(value: str) -> str:
    if "\0" in value:
        raise ValueError("an environment value cannot hold a NUL")
    return value


def domain(value: str) -> str:
    """A host name in lower case; international names become punycode."""
    try:
        ascii_form = value.rstrip(".").encode("idna").decode().lower()
    except UnicodeError as error:
        raise ValueError(f"{value!r} is not a domain: {error}") from None
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(ascii_form) > 253:
        raise ValueError(f"{value!r} is longer than 253 characters")
    return _match(rf"(\*\.)?{label}(\.{label})*", ascii_form, "a domain such as www.example.com")


def package(value: str) -> str:
    return _match(r"[A-Za-z0-9][A-Za-z0-9+._:@-]*", value, "the name of a distribution package")


def python_version(value: str) -> str:
    return _match(r"2\.7|3\.\d{1,2}", value, "a Python version such as 3.12 (in quotes)")


def module(value: str) -> str:
    part = r"[^\W\d]\w*"
    return _match(rf"{part}(\.{part})*:{part}(\.{part})*(\(\))?", value, "module:object, such as mysite.wsgi:application")


def relative_path(value: str) -> str:
    """A path inside the project."""
    clean = posixpath.normpath(value)
    if value.startswith("/") or clean.startswith("..") or re.search(r"[\x00-\x1f]", value) or not value:
        raise ValueError(f"{value!r} is not a path inside the project")
    return clean


def absolute_path(value: str) -> str:
    """A path inside the container, not the root and without `..`, `:` or control characters."""
    clean = posixpath.normpath(value)
    if not value.startswith("/") or clean in ("/", "//") or ".." in value.split("/"):
        raise ValueError(f"{value!r} is not an absolute path below /")
    return _match(r"[^\x00-\x1f:,]+", clean, "a path without control characters, commas and colons")


def url_path(value: str) -> str:
    return _match(r"/[A-Za-z0-9/._~%+=@!,&?-]*", value, "a path of a URL, starting with /")


def url_prefix(value: str) -> str:
    return _match(r"/([A-Za-z0-9._~-]+/)+", value, "a URL prefix such as /static/ (slash first and last)")


def email(value: str) -> str:
    return _match(r"[^@\s\"'<>]+@[^@\s\"'<>]+", value, "a mail address")


def http_url(value: str) -> str:
    return _match(r"https?://[^\s\"'<>\\]+", value, "an http or https URL")


def size(value: Union[int, str]) -> int:
    """Bytes: an integer, or a number with K, M, G or T (powers of 1024)."""
    if isinstance(value, bool):
        raise ValueError("a size is a number of bytes or a text such as 512M")
    found = re.fullmatch(r"(\d+)\s*([KMGT]?)(i?B)?", str(value).strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{value!r} is not a size such as 512M or 2G")
    return int(found.group(1)) * _SIZES[found.group(2).upper()]


def command(value: Union[str, List[str]]) -> List[str]:
    """A command line as argv. A text is split like a shell would, but no shell runs it.

    Operators, variables and substitutions in a text are refused, because nothing would act on them:
    whoever wants a shell writes `["sh", "-c", "…"]`.
    """
    if isinstance(value, list):
        words = value
    else:
        remedy = 'write it as a list, or as ["sh", "-c", "…"] where a shell is meant'
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot split {value!r} into words ({error}); {remedy}") from None
        meant_for_shell = _outside_single_quotes(value)
        if re.search(r"[|&;<>`\n]|\$[\w({]", meant_for_shell):
            raise ValueError(f"{value!r} holds shell syntax, and no shell runs it; {remedy}")
    if not words or not words[0]:
        raise ValueError("a command needs at least one word")
    if any("\0" in word for word in words):
        raise ValueError("a command cannot hold a NUL")
    return words


def _outside_single_quotes(text: str) -> str:
    """What a shell would look at for `$`; and for operators, what stands outside any quotes."""
    unquoted = re.sub(r"'[^']*'", "", text)
    return re.sub(r'"[^"$`]*"', "", unquoted)


_CRON_FIELD = r"(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/\d+)?"
_CRON_LIST = rf"{_CRON_FIELD}(,{_CRON_FIELD})*"
_CRON_NAMES = r"@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)"
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def schedule(value: str) -> str:
    """A cron schedule: five fields, or a name such as @daily (crontab(5))."""
    clean = " ".join(value.split())
    if re.fullmatch(_CRON_NAMES, clean):
        return clean
    fields = clean.split(" ")
    if len(fields) != 5 or not all(re.fullmatch(_CRON_LIST, field) for field in fields):
        raise ValueError(f"{value!r} is not a cron schedule such as '*/5 * * * *' or '@daily'")
    for field, (low, high) in zip(fields, _CRON_RANGES):  # noqa: B905 - `strict` came with Python 3.10
        numbers = [int(number) for number in re.findall(r"\d+", re.sub(r"/\d+", "", field))]
        if any(not low <= number <= high for number in numbers):
            raise ValueError(f"{value!r}: {field!r} is outside {low} to {high}")
    return clean


def borg_repository(value: str) -> str:
    return _match(r"[^\s\"'`$\\]+", value, "a borg repository: a path, or ssh://user@host/path")
