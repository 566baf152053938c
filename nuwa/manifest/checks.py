"""Checks for values of `nuwa.toml`: each returns the value in canonical form or raises a ValueError.

These values reach Containerfiles, shells, unit files and URLs, so each check is an allow-list where that
is possible. Only the standard library, and Python 3.9: this also runs inside images.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MAX_HELP = 200
"""Maximum length, in characters, of a text that is one line of a list."""


@dataclass(frozen=True)
class Pattern:
    """A check by one regular expression, which the JSON Schema publishes too.

    Args:
        expression: what the whole value must match, in syntax that Python and ECMAScript share.
        expected: the same in words, for the message "… is not <expected>".
    """

    expression: str
    expected: str

    def __call__(self, value: str) -> str:
        if not re.fullmatch(self.expression, value):
            raise ValueError(f"{shown(value)} is not {self.expected}")
        return value


@dataclass(frozen=True)
class OrEmpty:
    """Also accepts an empty string, whose meaning the field's `Doc` states."""

    check: Callable[[str], str]

    @property
    def expression(self) -> str:
        inner = getattr(self.check, "expression", "")
        return f"(?:{inner})?" if inner else ""

    def __call__(self, value: str) -> str:
        return self.check(value) if value else value


def shown(value: object) -> str:
    """A value as an error quotes it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


app_name = Pattern(
    r"[a-z](?:[a-z0-9-]{0,37}[a-z0-9])?",
    "a name of at most 39 lower-case letters, digits and hyphens that starts with a letter and does not end "
    "with a hyphen",
)
part_name = Pattern(
    r"[a-z](?:[a-z0-9_-]{0,29}[a-z0-9])?",
    "a name of at most 31 lower-case letters, digits, - and _ that starts with a letter and ends with a "
    "letter or digit",
)
version = Pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "an image tag (letters, digits, _ . -)")
release = Pattern(r"[0-9]{1,2}", "the number of a release, such as 13")
variable_name = Pattern(r"[A-Za-z_][A-Za-z0-9_]{0,126}", "the name of an environment variable")
package = Pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9+._:-]*[A-Za-z0-9+])?", "the name of a distribution package, such as libpq5"
)
python_version = Pattern(r"2\.7|3\.[0-9]{1,2}", "a Python version such as 3.12")
group_name = Pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", "the name of an extra or a dependency group"
)
locale = Pattern(
    r"[a-z]{2,3}(?:_[A-Z]{2})?\.UTF-8(?:@[a-z]{1,16})?", "a locale in UTF-8, such as de_DE.UTF-8"
)
email = Pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}",
    "a mail address",
)


@dataclass(frozen=True)
class _RemoteHost(Pattern):
    """For a host with a port, the error also says where to set the port: in ssh's configuration."""

    def __call__(self, value: str) -> str:
        try:
            return super().__call__(value)
        except ValueError as error:
            found = re.fullmatch(
                r"(?:ssh://)?([^/:]*@)?([^/:@\[\]]+|\[[^/\]]*\])(?::([0-9]{1,5}))?(/.*)?", value
            )
            if not found or not (found[3] or value.startswith("ssh://")):
                raise
            user, host, port, folder = found.groups("")
            there = f"{user}{host}:{folder}" if folder.strip("/") else f"{user}{host}"
            if not re.fullmatch(self.expression, there):
                raise
            bare = host.strip("[]")
            first = f"set the port in ~/.ssh/config (Host {bare}, Port {port}) and " if port else ""
            raise ValueError(f"{error}; {first}write {there}") from None


remote_host = _RemoteHost(
    r"(?!ssh://)(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])"
    r"(?::/[A-Za-z0-9._/+@=-]*[A-Za-z0-9._+@=-]/*)?",
    "a host for ssh, with a folder or without: root@www.example.com:/srv/blog",
)
registry_name = Pattern(
    r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+",
    "a registry with the name of an image there, such as registry.example.com/team/blog",
)
secret_source = Pattern(r"[A-Za-z0-9_./~](?:[A-Za-z0-9 _./~:@+=-]*[A-Za-z0-9_])?", "a file or a name there")
http_url = Pattern(
    r"https?://[A-Za-z0-9._~%@:\[\]-]+(?:/[A-Za-z0-9._~%@:!&()*+,;=/?-]*)?", "an http or https URL"
)
url_path = Pattern(r"/[A-Za-z0-9/._~%+=@!,&?:-]*", "the path of a URL, starting with /")
url_prefix = Pattern(
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+", "a URL prefix such as /static/ (a slash first and last)"
)
# No other host names: nginx does not start while a name in its configuration cannot be resolved.
route_target = Pattern(
    r"https?://(?:localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-fA-F:]{2,39}\])(?::[0-9]{1,5})?"
    r"|unix:/[A-Za-z0-9._/@+-]{1,100}|app:[a-z](?:[a-z0-9-]{0,37}[a-z0-9])?",
    "http://ADDRESS:PORT (an address or localhost), unix:/path/of.sock or app:NAME",
)
borg_repository = Pattern(
    r"(?:/|ssh://(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.\[\]:_-]+/|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9._-]+:)"
    r"[A-Za-z0-9._~/@+=-]+",
    "a borg repository: /path, ssh://user@host/path or user@host:path",
)
object_storage = Pattern(
    r"s3:(?:https?://)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~+=-]+)+/?",
    "object storage: s3:https://host/bucket or s3:https://host/bucket/path",
)


def repository(value: str) -> str:
    """The repository of the archives: object storage if it begins with `s3:`, otherwise borg's.

    Raises:
        ValueError: it is neither.
    """
    return object_storage(value) if value.startswith("s3:") else borg_repository(value)


_INSTRUCTION_BYTES = 32 * 1024
"""More than any instruction needs. podman silently truncates a Containerfile at a line of 64 KiB."""


def instruction(value: str) -> str:
    """One instruction of a Containerfile that adds to a layer: RUN or ENV, on one line."""
    text = value.strip()
    if not re.match(r"(?:RUN|ENV)\s+\S", text):
        raise ValueError(f"{shown(value)} is neither RUN nor ENV; nuwa writes the other instructions itself")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text) or text.endswith("\\"):
        raise ValueError(f"{shown(value)} is not on one line; join commands with && or ;")
    if "<<" in text:
        raise ValueError(f"{shown(value)} has a here-document, which older versions of podman do not support")
    if len(text.encode()) > _INSTRUCTION_BYTES:
        raise ValueError(f"{shown(value)} is longer than {_INSTRUCTION_BYTES} bytes")
    return text


ADDRESS_PARTS = ("url", "host", "port", "user", "password", "name")
"""The parts of a database's address; `url` is the whole address."""


def address_part(value: str) -> str:
    """One of `ADDRESS_PARTS`, or a string that contains some of them in braces."""
    if value in ADDRESS_PARTS:
        return value
    named = re.findall(r"\{([^{}]*)\}", value)
    if not named or any(name not in ADDRESS_PARTS for name in named) or re.search(r"[\x00-\x1f\x7f]", value):
        listed = ", ".join(ADDRESS_PARTS)
        raise ValueError(f"{shown(value)} is neither one of {listed} nor a string with one of them in braces")
    return value


SERVICE_PARTS = ("url", "host", "port", "password")
"""The parts of a service's address; `url` is the whole address."""


def service_variables(value: object) -> dict[str, str]:
    """Variables by name, each with the part of a service's address that it gets; by default, `url`."""
    if isinstance(value, dict):
        given = {variable_name(str(name)): service_part(str(part)) for name, part in value.items()}
    else:
        listed = [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]  # a list, as its type was checked
        given = {variable_name(str(name)): "url" for name in listed}
    if not given:
        raise ValueError("no variable gets the address: name at least one, such as REDIS_URL")
    return given


def service_part(value: str) -> str:
    """One of `SERVICE_PARTS`, or a string that contains some of them in braces."""
    named = re.findall(r"\{([^{}]*)\}", value)
    known = bool(named) and all(name in SERVICE_PARTS[1:] for name in named)
    if value not in SERVICE_PARTS and (not known or re.search(r"[\x00-\x1f\x7f]", value)):
        listed = ", ".join(SERVICE_PARTS)
        raise ValueError(f"{shown(value)} is neither one of {listed} nor a string with one of them in braces")
    return value


HOST_PORT_PARTS = ("host", "port")
"""The parts of the address of a server on the host's 127.0.0.1."""

NUWA_PORTS = range(17000, 19000)
"""Ports on a host that nuwa assigns to its apps: to slots, and to what they connect to."""


def host_port(value: int) -> int:
    """A port that nuwa does not assign: an assigned one may belong to another app after a deploy."""
    if value in NUWA_PORTS:
        raise ValueError(
            f"{value} is a port that nuwa hands out, {NUWA_PORTS[0]} to {NUWA_PORTS[-1]}, which may be "
            "another app's after its next release: ask another app at its site"
        )
    return value


def host_port_part(value: str) -> str:
    """One of `HOST_PORT_PARTS`, or a string that contains some of them in braces."""
    named = re.findall(r"\{([^{}]*)\}", value)
    known = bool(named) and all(name in HOST_PORT_PARTS for name in named)
    if value not in HOST_PORT_PARTS and (not known or re.search(r"[\x00-\x1f\x7f]", value)):
        raise ValueError(f"{shown(value)} is neither host nor port, nor a string with one of them in braces")
    return value


SERVICE_URL = "redis://:{password}@{host}:{port}/0"


def service_text(part: str) -> str:
    """The value of a variable, as a string with placeholders such as {host}, {port} and {password}."""
    return SERVICE_URL if part == "url" else f"{{{part}}}" if part in SERVICE_PARTS else part


def volume_name(value: str) -> str:
    """A `part_name` other than the folders that nuwa itself uses below volumes/."""
    if value in ("log", "secrets", "static"):
        raise ValueError(f"{value!r} is a folder that nuwa itself uses; choose another name")
    return part_name(value)


def one_line(value: str) -> str:
    """A description that fits on one line of a list."""
    if len(value) > MAX_HELP or any(unicodedata.category(sign)[0] == "C" for sign in value):
        raise ValueError(f"{shown(value)} is not one line of at most {MAX_HELP} characters")
    return value


def variable_value(value: str) -> str:
    """Any text: quotes, line breaks and UTF-8 reach the app as they are."""
    if "\0" in value:
        raise ValueError("the value of an environment variable cannot hold a NUL")
    return value


_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_DEVIATIONS = re.compile("[\u00df\u03c2\u200c\u200d]")  # read differently by the two IDNA standards


def domain(value: str) -> str:
    """A host name in lower case; international names become punycode, `*.` in front is a wildcard.

    Python's own codec follows the older standard (IDNA 2003). A name that browsers encode differently today
    is refused, since it could become somebody else's domain.
    """
    if _DEVIATIONS.search(value):
        raise ValueError(f"{shown(value)} contains a letter with two encodings; write its punycode (xn--…)")
    wildcard, name = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    try:
        name = name.rstrip(".").encode("idna").decode("ascii").lower()
        for label in name.split("."):
            if label.startswith("xn--"):
                label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        raise ValueError(f"{shown(value)} is not a domain such as www.example.com") from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"{shown(value)} is not a domain such as www.example.com")
    if re.fullmatch(r"[0-9.]+", name):
        raise ValueError(f"{shown(value)} is an address, not a domain such as www.example.com")
    return wildcard + name


def timezone(value: str) -> str:
    """A time zone of the IANA database, such as Europe/Vienna."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_+-]{1,20}(/[A-Za-z0-9_+-]{1,30}){0,2}", value):
        raise ValueError(f"{shown(value)} is not a time zone such as Europe/Vienna")
    import zoneinfo

    known = zoneinfo.available_timezones()
    if known and value not in known:
        raise ValueError(
            f"{shown(value)} is not in this machine's time zone database; use one such as Europe/Vienna"
        )
    return value


def module(value: str) -> str:
    """The import path of an application: `package.module:object`, or `package.module:factory()`."""
    where, colon, what = value.partition(":")
    called = what[:-2] if what.endswith("()") else what
    parts = [*where.split("."), *called.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        raise ValueError(f"{shown(value)} is not module:object, such as mysite.wsgi:application")
    return value


_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"'`$\\]")


def relative_path(value: str) -> str:
    """A path below the project's folder."""
    clean = posixpath.normpath(value) if value else "."
    if value.startswith("/") or clean == "." or clean.split("/")[0] == "..":
        raise ValueError(f"{shown(value)} is not a path below the project's folder")
    return _safe_path(clean)


def relative_paths(value: object) -> tuple[str, ...]:
    """One `relative_path`, or a list of them."""
    listed = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # a list, as its type was checked
    if not listed:
        raise ValueError("the list is empty: name at least one path below the project's folder")
    return tuple(relative_path(str(item)) for item in listed)


def project_folder(value: str) -> str:
    """The project's folder, written as a dot, or one below it."""
    return "." if posixpath.normpath(value or ".") == "." else relative_path(value)


def absolute_path(value: str) -> str:
    """An absolute path other than the root, without `..`."""
    clean = posixpath.normpath(value)
    if not value.startswith("/") or clean in ("/", "//") or ".." in value.split("/"):
        raise ValueError(f"{shown(value)} is not an absolute path below / without ..")
    if re.search("[:,]", clean):
        raise ValueError(f"{shown(value)} contains a colon or comma, which podman cannot mount")
    return _safe_path("/" + clean.lstrip("/"))


def glob(value: str) -> str:
    """A pattern over the project's files, as in .gitignore."""
    if not value.strip("/ ") or ".." in value.split("/"):
        raise ValueError(f"{shown(value)} is not a pattern over the project's files")
    return _safe_path(value)


LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""Lock files, which pin the version of everything that a project requires."""
PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
"""Files in which a project declares its requirements."""


def requirements(value: str) -> str:
    """A requirements file in the project, of a kind that nuwa can install."""
    clean = relative_path(value)
    name = posixpath.basename(clean)
    if name not in (*LOCKS, *PROJECT_FILES) and not re.fullmatch(r".+\.txt|pylock\.[^.]+\.toml", name):
        listed = ", ".join((*LOCKS, *PROJECT_FILES))
        raise ValueError(f"{shown(value)} is neither one of {listed} nor a requirements file (.txt)")
    return clean


def _safe_path(value: str) -> str:
    if _UNSAFE.search(value):
        raise ValueError(
            f"{shown(value)} contains a quote, $, `, \\ or a control character, which a path cannot have"
        )
    return value
