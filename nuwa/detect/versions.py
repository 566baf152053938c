"""The Python version that a project asks for, and the offered one that is nearest to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from nuwa.detect.notes import Notes
from nuwa.detect.testimony import Testimony
from nuwa.requirements.kinds import table
from nuwa.requirements.project_file import pep440


def choose_python(
    said: Testimony,
    pyproject: dict[str, Any],
    pythons: Sequence[str],
    too_old: Callable[[str], Sequence[str]],
    notes: Notes,
) -> str:
    """The version that the project pins, else the first offered one in its range, if the default is outside.

    Otherwise its requirements may decide: versions pinned years ago do not build with today's Python.

    Args:
        said: what its files say; the first version counts.
        pythons: the versions that are offered, the default first; empty: not known.
        too_old: the requirements whose pinned versions a version of Python cannot build.
        notes: where conclusions are recorded.
    """
    wanted, where = _range(pyproject)
    pinned, file = next(iter(said.python), ("", ""))
    if pinned and wanted and not allows(wanted, pinned):
        pinned, file = "", ""
    if pinned:
        offered = _nearest(pinned, pythons)
        notes.why["image.python"] = file
        if offered == pinned:
            notes.found.append(f"Python {pinned}: {file}")
        else:
            notes.check.append(
                f"Python {pinned} ({file}) is not offered; the nearest is {offered}. "
                f"There are {', '.join(pythons)}"
            )
        return offered
    if not wanted or not pythons or allows(wanted, pythons[0]):
        return _for_the_pins(wanted, pythons, too_old, notes) if pythons else ""
    fitting = next((version for version in pythons if allows(wanted, version)), "")
    if fitting:
        notes.found.append(f"Python {fitting}: {where}")
        notes.why["image.python"] = where
    else:
        notes.check.append(f"no available Python fits {where}; available: {', '.join(pythons)}")
    return fitting


def _for_the_pins(
    wanted: str, pythons: Sequence[str], too_old: Callable[[str], Sequence[str]], notes: Notes
) -> str:
    """The newest version that builds what is pinned, if the default one does not; else empty."""
    usual = pythons[0]
    pins = too_old(usual)
    if not pins:
        return ""
    older = sorted((version for version in pythons if _numbers(version) < _numbers(usual)), key=_numbers)
    fitting = [version for version in reversed(older) if allows(wanted, version) and not too_old(version)]
    where = f"{', '.join(pins)}, which cannot be built with {usual}"
    if not fitting:
        notes.check.append(f"the requirements pin {where}: require a newer version")
        return ""
    notes.found.append(f"Python {fitting[0]}: the requirements pin {where}")
    notes.why["image.python"] = where
    return fitting[0]


def _range(pyproject: dict[str, Any]) -> tuple[str, str]:
    wanted = table(pyproject, "project").get("requires-python")
    if isinstance(wanted, str):
        return wanted, f"requires-python = {wanted!r} in pyproject.toml"
    poetry = table(pyproject, "tool", "poetry", "dependencies").get("python")
    if isinstance(poetry, str):
        return pep440(poetry), f"python = {poetry!r} in pyproject.toml"
    return "", ""


def _nearest(pinned: str, pythons: Sequence[str]) -> str:
    """The version itself, else the next newer one that is offered, else the newest."""
    if not pythons or pinned in pythons:
        return pinned
    ordered = sorted(pythons, key=_numbers)
    return next((version for version in ordered if _numbers(version) > _numbers(pinned)), ordered[-1])


def allows(specifier: str, version: str) -> bool:
    """Whether a `requires-python` admits some release of a version such as 3.12.

    A clause that is not understood admits everything: resolving the requirements will tell.
    """
    return all(_allows(clause.strip(), _numbers(version)) for clause in specifier.split(","))


def _allows(clause: str, version: tuple[int, ...]) -> bool:
    found = re.fullmatch(r"(>=|<=|==|!=|~=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?", clause)
    if not found:
        return True
    operator, limit, starred = found[1], _numbers(found[2]), bool(found[3])
    short = limit[:2]
    version = version[: len(short)]
    if operator in ("==", "!="):
        whole = starred or len(limit) <= 2
        return (version == short) if operator == "==" else not (version == short and whole)
    if operator == "~=":
        return version >= short and version[:1] == short[:1] and (len(limit) < 3 or version == short)
    if operator == "<":
        return version < short or (version == short and any(limit[2:]))
    return version <= short if operator == "<=" else version >= short


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
