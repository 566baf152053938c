"""From the text of `config.json` to a validated `Config` for each slot, or to all its errors."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from nuwa.agent.config import json_source, ports, rules
from nuwa.agent.config.interpolation import Expansion, environment, unset
from nuwa.agent.config.model import Config
from nuwa.agent.config.ports import Allocation
from nuwa.agent.config.resolved import Loaded, revision
from nuwa.errors import ManifestError, Problem
from nuwa.manifest.positions import Path, dotted
from nuwa.manifest.problems import JSON, Places, line_of
from nuwa.manifest.validation import checked, within
from nuwa.names import SLOTS
from nuwa.web import limits

FORMER_NAMES = {("monitor", "twitch"): "restart_unresponsive"}
"""Keys that were renamed, by section and former name."""


def read(path: FilePath) -> str:
    """The file's text.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(limits.CONFIG_BYTES + 1)
        if len(raw) > limits.CONFIG_BYTES:
            raise ManifestError(str(path), [Problem("", "is larger than 1 MiB")])
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        problem = Problem("", "does not exist", hint="nuwa host init writes one")
    except UnicodeDecodeError as error:
        problem = Problem("", f"is not UTF-8 (byte {error.start})", hint="save the file as UTF-8")
    except OSError as error:
        problem = Problem("", f"cannot be read: {error.strerror}")
    raise ManifestError(str(path), [problem])


def validate(
    text: str,
    file: str,
    *,
    before: Allocation | None = None,
    taken: Collection[int] = (),
    base: str = "/etc/nuwa",
) -> Loaded:
    """Validate the text of a configuration.

    Args:
        file: its name, for errors.
        before: the ports that were chosen so far.
        taken: ports that are not to be chosen.
        base: the folder that relative paths start from.

    Raises:
        ManifestError: with all problems at once.
    """
    document, written = json_source.parse(text, file)
    places = _take_former_names(document, written)
    allocation = ports.allocate(_wanted_ports(document), before or {}, taken)
    expanded, problems, broken = _expand(document, places, allocation, SLOTS[0])
    config, complaints = checked(Config, expanded, places, JSON)
    problems += [item.problem for item in complaints if not _touches(item.paths[0], broken)]
    broken += [path for item in complaints for path in item.paths]
    judged = config or checked(Config, _without(expanded, broken), places, JSON)[0]
    assert judged, "a configuration without its broken parts is valid"
    problems += [
        Problem(dotted(found.path), found.message, line_of(found.path, places), found.hint)
        for found in rules.findings(judged, set(_names(document)))
        if not _touches(found.path, broken)
    ]
    if problems or config is None:
        raise ManifestError(file, sorted(problems, key=lambda problem: problem.line or 0))
    other = checked(Config, _expand(document, places, allocation, SLOTS[1])[0], places, JSON)[0]
    assert other, "only port numbers differ"
    return Loaded(revision(text), dict(zip(SLOTS, (config, other), strict=True)), allocation, base)


def _take_former_names(document: dict[str, Any], places: Places) -> Places:
    """Give renamed keys their current names; if both are set, the old one is an unknown key.

    Returns:
        the places, by current names.
    """
    found = dict(places)
    for (section, former), present in FORMER_NAMES.items():
        content = document.get(section)
        if isinstance(content, dict) and former in content and present not in content:
            content[present] = content.pop(former)
            if (section, former) in found:
                found[section, present] = found[section, former]
    return found


def _names(document: dict[str, Any]) -> list[str]:
    processes = document.get("processes")
    return list(processes) if isinstance(processes, dict) else []


def _wanted_ports(document: dict[str, Any]) -> dict[str, list[object]]:
    """The ports that each process asks for, as far as they can be read before validation.

    They are needed this early because other values refer to them.
    """
    wanted: dict[str, list[object]] = {}
    values = document.get("env")
    variables = environment(values, {})[0] if isinstance(values, dict) else {}
    expansion = Expansion({})
    for name in _names(document):
        process = document["processes"][name]
        asked = process.get("ports") if isinstance(process, dict) else None
        resolved = expansion.apply(asked, (), lambda name: variables[name]) if isinstance(asked, list) else []
        wanted[name] = [port if type(port) is int else "auto" for port in resolved]
    return wanted


def _expand(
    document: dict[str, Any], places: Places, allocation: Allocation, slot: str
) -> tuple[dict[str, Any], list[Problem], list[Path]]:
    """The document with every reference resolved for a slot."""
    values = document.get("env", {})
    if not isinstance(values, dict):
        return document, [], []
    variables, problems = environment(values, dict(places))
    expansion = Expansion(dict(places))
    expanded: dict[str, Any] = {"env": variables} if "env" in document else {}
    for section, content in document.items():
        if section == "processes" and isinstance(content, dict):
            expanded[section] = {
                name: expansion.apply(
                    process, (section, name), _Names(variables, allocation, name, slot).find
                )
                for name, process in content.items()
            }
        elif section != "env":
            expanded[section] = expansion.apply(
                content, (section,), _Names(variables, allocation, "", slot).find
            )
    broken: list[Path] = [("env",)] if problems else []
    return expanded, problems + expansion.problems, broken + expansion.broken


@dataclass(frozen=True)
class _Names:
    """Resolves references within one process or, without a name, in the rest of the document."""

    variables: dict[str, Any]
    allocation: Allocation
    process: str
    slot: str

    def find(self, name: str) -> Any:
        service, dot, index = name.rpartition(".ports.")
        if not dot:
            if name not in self.variables:
                raise LookupError(*unset(name, {**self.variables, **dict.fromkeys(self._port_names())}))
            return self.variables[name]
        if not service and not self.process:
            raise LookupError(
                f"${{{name}}} can be used only within a process", "put the name of the service before it"
            )
        found = self.allocation.get(service or self.process)
        if found is None:
            raise LookupError(
                f"${{{name}}}: there is no process {service!r}", f"known: {', '.join(self.allocation)}"
            )
        if not index.isdigit() or int(index) >= len(found):
            count = f"{len(found)} port{'' if len(found) == 1 else 's'}"
            raise LookupError(f"${{{name}}}: {service or self.process} has {count}, counted from 0")
        return found[int(index)].front if service else found[int(index)].of(self.slot)

    def _port_names(self) -> list[str]:
        return [
            f"{name}.ports.{index}" for name, found in self.allocation.items() for index in range(len(found))
        ]


def _without(document: dict[str, Any], broken: list[Path]) -> dict[str, Any]:
    """The document without its invalid entries, so that the rest can be validated in the same run."""
    clean = copy.deepcopy(document)
    for path in broken:
        section = str(path[0]) if path else ""
        entries = clean.get(section)
        if len(path) > 1 and isinstance(entries, dict):
            entries.pop(path[1], None)
        else:
            clean.pop(section, None)
    return clean


def _touches(path: Path, broken: list[Path]) -> bool:
    return any(within(path, other) or within(other, path) for other in broken)
