"""One quoting function per language that a template writes; each rejects what its language cannot represent.

Only the standard library, and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable


class CannotQuote(ValueError):
    """The value cannot be represented safely in the target language."""


def _refuse(value: str, pattern: str, language: str, what: str) -> None:
    if re.search(pattern, value):
        raise CannotQuote(f"{value!r} contains {what}, which cannot be written in {language}")


def sh(value: object) -> str:
    """One word of a POSIX shell command."""
    text = str(value)
    _refuse(text, "\0", "a shell", "a NUL")
    return shlex.quote(text)


def sh_argv(words: Iterable[object]) -> str:
    """A POSIX shell command line: every word quoted."""
    return " ".join(sh(word) for word in words)


def systemd(value: object) -> str:
    """One word of a systemd `Exec…=` line (systemd.service(5), "Command lines"): `%` and `$` are doubled."""
    text = str(value)
    _refuse(text, "[\0\r\n]", "a unit file", "a line break or NUL")
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text if re.fullmatch(r"[\w@%+=:,./$-]+", text) else f'"{text}"'


def systemd_argv(words: Iterable[object]) -> str:
    return " ".join(systemd(word) for word in words)


def systemd_text(value: object) -> str:
    """Free text of a unit file, such as `Description=`: only specifiers and line breaks matter."""
    text = str(value)
    _refuse(text, "[\0\r\n]", "a unit file", "a line break or NUL")
    return text.replace("%", "%%").rstrip("\\")


def systemd_variable(name: object, value: object) -> str:
    """One assignment of `Environment=`: `$` has no meaning there, and escapes represent line breaks."""
    text = f"{name}={value}"
    _refuse(text, "\0", "a unit file", "a NUL")
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def environment_file(name: object, value: object) -> str:
    """One assignment of a file for systemd's `EnvironmentFile=`: line breaks are kept in double quotes."""
    text = str(value)
    _refuse(text, "\0", "an environment", "a NUL")
    _refuse(text, "[\ud800-\udfff]", "an environment", "half a character")
    return f'{name}="' + re.sub(r'(["\\`$])', r"\\\1", text) + '"'


def nginx(value: object) -> str:
    """One argument of an nginx directive. nginx cannot escape `$`, so it is refused."""
    text = str(value)
    _refuse(text, "[\0\r\n]", "nginx", "a line break or NUL")
    _refuse(text, r"\$", "nginx", "a dollar sign")
    if re.fullmatch(r"[\w@%+=:,./~*^?&-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def nginx_argv(words: Iterable[object]) -> str:
    return " ".join(nginx(word) for word in words)


def nginx_pattern(value: object) -> str:
    """A path within an nginx regular expression that is in double quotes."""
    text = str(value)
    _refuse(text, r"[^A-Za-z0-9/._~-]", "a pattern of nginx", "a character that is special there")
    return text.replace(".", "[.]")


def nginx_lines(value: object) -> str:
    """Whole lines of nginx configuration that `nuwa.render.own_lines` has parsed and written."""
    text = str(value)
    _refuse(text, "\0", "nginx", "a NUL")
    return text


def number(value: object) -> str:
    """A whole number, which is the same in every language."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise CannotQuote(f"{value!r} is not a whole number")
    return str(value)


def monit(value: object) -> str:
    """One string of a monit control file, which has no escape for the quote in use."""
    text = str(value)
    _refuse(text, "[\0\r\n]", "monit", "a line break or NUL")
    if '"' not in text:
        return f'"{text}"'
    _refuse(text, "'", "monit", "both kinds of quotes")
    return f"'{text}'"


def monit_word(value: object) -> str:
    """One bare word of a monit control file, for places where quotes would become part of the value."""
    text = str(value)
    _refuse(text, r"[^A-Za-z0-9.-]", "a bare word of monit", "a character that is special there")
    return text


def cron(value: object) -> str:
    """A shell word in a crontab line, where `%` would end the command."""
    text = str(value)
    _refuse(text, "[\r\n]", "cron", "a line break")
    return sh(text).replace("%", "\\%")


def cron_times(value: object) -> str:
    """The fields of a schedule at the beginning of a crontab line."""
    text = str(value)
    _refuse(text, r"[^A-Za-z0-9*/,@ -]", "cron", "what no schedule has")
    return text


def toml(value: object) -> str:
    """A basic string of TOML. The escapes are JSON's, plus one for the delete character."""
    text = str(value)
    _refuse(text, "[\ud800-\udfff]", "TOML", "bytes that are not UTF-8")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def rsyslog(value: object) -> str:
    """One string of rsyslog's configuration, without anything that a template or script would interpret."""
    text = str(value)
    _refuse(text, r'[\0\r\n"\\$`]', "rsyslog", "a quote, a dollar sign, a backslash or a line break")
    return f'"{text}"'


def logrotate(value: object) -> str:
    """One file name of logrotate's configuration."""
    text = str(value)
    _refuse(text, r'[\0\r\n"\\]', "logrotate", "a quote, a backslash or a line break")
    return f'"{text}"'


def comment(value: object) -> str:
    """Text after `#`: one line, no control characters."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", str(value))


FILTERS = {
    "sh": sh,
    "sh_argv": sh_argv,
    "systemd": systemd,
    "systemd_argv": systemd_argv,
    "systemd_text": systemd_text,
    "systemd_variable": systemd_variable,
    "environment_file": environment_file,
    "nginx": nginx,
    "nginx_argv": nginx_argv,
    "nginx_pattern": nginx_pattern,
    "nginx_lines": nginx_lines,
    "number": number,
    "monit": monit,
    "monit_word": monit_word,
    "cron": cron,
    "cron_times": cron_times,
    "toml": toml,
    "rsyslog": rsyslog,
    "logrotate": logrotate,
    "comment": comment,
}
"""The filters by their names in templates."""
