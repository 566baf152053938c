"""Turns the text of `nuwa.toml` into a validated `App`, or reports all that is wrong with it at once."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import MISSING
from pathlib import Path as FilePath
from typing import Any

from nuwa.errors import ManifestError, Problem
from nuwa.manifest import resolve, rules
from nuwa.manifest.fields import fields_of, is_table, kind_at, section_of, sections
from nuwa.manifest.finding import Finding
from nuwa.manifest.model import App
from nuwa.manifest.positions import Path, Place, dotted, scan
from nuwa.manifest.problems import Places, at, line_of
from nuwa.manifest.validation import checked, within

NAME = "nuwa.toml"
MAX_MANIFEST_BYTES = 1024 * 1024
"""Bytes; a larger file is not a manifest."""


def load(
    path: FilePath,
    *,
    family: str | None = None,
    release: str | None = None,
    offers: resolve.Offers | None = None,
) -> App:
    """Read and validate a manifest.

    Args:
        path: the file.
        family: use this family instead of the manifest's; if the two differ, with its default release.
        release: use this release instead of the manifest's.
        offers: returns a family by name; if given, release and Python version are filled in and checked.

    Raises:
        ManifestError: the file cannot be read, or is invalid; it lists all problems in the order of lines.
    """
    text = _read(path)
    document = _parse(text, str(path))
    _override(document, family, release)
    return validate(document, str(path), scan(text), offers=offers)


def validate(
    document: dict[str, Any], file: str, places: Places | None = None, *, offers: resolve.Offers | None = None
) -> App:
    """Validate a parsed manifest.

    Args:
        document: the file as parsed by `tomllib`.
        file: the file's name, for errors.
        places: where the document's parts are in the file, from `positions.scan`.
        offers: as in `load`.

    Raises:
        ManifestError: with all problems at once.
    """
    places = places or {(): Place(1)}
    app, complaints = checked(App, document, places)
    broken = [path for found in complaints for path in found.paths]
    judged = app or checked(App, _judgeable(document, broken), places)[0]
    assert judged, "a document without its broken parts is valid"
    offer = None if _touches(("image", "family"), broken) or not offers else offers(judged.image.family)
    found = [*rules.findings(judged, lambda path: at(path, document) is not MISSING)]
    found += resolve.findings(judged, offer) if offer else []
    problems = [item.problem for item in complaints]
    problems += [_problem(item, places) for item in found if not _any_touches(item.about, broken)]
    if problems:
        raise ManifestError(file, sorted(problems, key=lambda problem: problem.line or 0))
    return resolve.resolve(judged, offer) if offer else judged


def _read(path: FilePath) -> str:
    problem = ""
    hint = ""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MANIFEST_BYTES + 1)
        if len(raw) > MAX_MANIFEST_BYTES:
            problem, hint = "is larger than 1 MiB", "is this a manifest?"
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        problem, hint = "does not exist", "nuwa init writes one"
    except IsADirectoryError:
        problem, hint = "is a folder, not a file", f"give the file: {path / NAME}"
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem, hint = f"line {line} is not UTF-8 (byte {raw[error.start]:#04x})", "save the file as UTF-8"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    if problem:
        raise ManifestError(str(path), [Problem("", problem, hint=hint)])
    return text


_REMEDIES = {
    "Expected '='": "a line is `key = value`, `[table]` or `# comment`; a key with spaces needs quotes",
    "Invalid value": "strings need quotes; true and false are lower-case; numbers have no leading zero",
    "Cannot overwrite": "this key is already set: remove one of the two",
    "Cannot declare": "this table is already defined: put its keys together",
    "Cannot mutate": "this table is already defined: put its keys together",
    "Unclosed array": "a list ends with ]",
    "Unclosed inline table": "an inline table { … } has to be on one line",
    "Unescaped": "write the backslash twice, or use single quotes",
    "Illegal character": "a quoted string ends on its line; several lines need three quotes",
    "Unterminated string": "close the quotes",
    "Expected newline": "put each key on a line of its own",
    "Expected \"'''": "close the quotes",
    "Expected ']'": "a table's name ends with ]",
}


def _parse(text: str, file: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text)
        if _is_too_deep(document):
            raise RecursionError
        return document
    except RecursionError:
        raise ManifestError(file, [Problem("", "is nested too deeply")]) from None
    except ValueError as error:
        message = str(error)
        found = re.search(r" \(at line (\d+), column \d+\)| \(at end of document\)", message)
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        message = message[: found.start()] if found else message
        hint = next((remedy for start, remedy in _REMEDIES.items() if message.startswith(start)), "")
        raise ManifestError(file, [Problem("", f"not TOML: {message}", line, hint)]) from None


def _is_too_deep(value: object, left: int = 50) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    items = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_too_deep(item, left - 1) for item in items)


def _override(document: dict[str, Any], family: str | None, release: str | None) -> None:
    image = document.setdefault("image", {}) if family or release else None
    if not isinstance(image, dict):
        return
    if family and family != image.get("family", default("image", "family")):
        image.pop("release", None)
        image["family"] = family
    if release:
        image["release"] = release


def default(section: str, key: str) -> object:
    """The value of a key that the manifest does not set."""
    kind = sections()[section].section
    assert kind
    return fields_of(kind)[key].default


_PLACEHOLDERS: dict[str, object] = {
    "to": "http://localhost",
    "app": {"name": "x"},
    "server": {"module": "x:x"},
    "module": "x:x",
    "command": "x",
    "run": "x",
    "kind": "sops",
    "source": "x",
    "schedule": "@daily",
    "repository": "/x",
}
"""Placeholders for required values that are invalid; no problem with a placeholder is ever shown."""


def _judgeable(document: dict[str, Any], broken: Sequence[Path]) -> dict[str, Any]:
    """The document without its invalid values, so that the rest can be checked in the same run."""
    clean = copy.deepcopy(document)
    for count, path in enumerate(broken):
        owner, key = _owner(path)
        table = at(owner, clean)
        field = fields_of(section_of(kind_at(owner)) or App).get(key)
        if not isinstance(table, dict):
            continue
        if field is None or not field.required:
            table.pop(key, None)
        else:
            unique = {
                "name": f"x{count}",
                "path": f"/x{count}/",
                "source": f"/x{count}",
                "directory": f"x{count}",
                "output": f"o{count}",
                "port": 1,
            }
            unique["engine"] = "valkey" if owner[:1] == ("service",) else "postgresql"
            table[key] = copy.deepcopy(_PLACEHOLDERS.get(key) or unique[key])
    return clean


def _owner(path: Path) -> tuple[Path, str]:
    """The innermost section that contains a path, and the section's key on that path."""
    for length in range(len(path) - 1, -1, -1):
        if is_table(kind_at(path[:length])):
            return path[:length], str(path[length])
    return (), str(path[0])


def _problem(finding: Finding, places: Places) -> Problem:
    path = finding.about[0]
    return Problem(dotted(path), finding.message, line_of(path, places), finding.hint)


def _touches(path: Path, broken: Sequence[Path]) -> bool:
    return any(within(path, other) or within(other, path) for other in broken)


def _any_touches(paths: Iterable[Path], broken: Sequence[Path]) -> bool:
    return any(_touches(path, broken) for path in paths)
