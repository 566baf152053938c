"""A deployment, read from its folder: the files that the scripts in bin/ write (docs/architecture.md).

The folder may belong to another user, and it is read in the agent's event loop: whatever is there in place of
a file must neither block that loop nor use much memory, and links to other files are not followed.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nuwa.agent import regular_files
from nuwa.manifest import checks
from nuwa.names import SLOTS, Names, replicas

_TAIL = 64 * 1024
_MAX_VALUE_BYTES, _MAX_FACTS_BYTES = 4096, 256 * 1024
MAX_RECORD_CHARS = 300
"""Maximum length of each part of a record, in characters: alerts contain them, and are limited by number."""
_APP_FACTS = ("bin/lib/app", "bin/_app")
"""The file with the app's values for the scripts; the second path is that of earlier releases."""


@dataclass(frozen=True)
class Record:
    """A line of one of the deployment's histories."""

    time: float
    what: str
    outcome: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome in ("", "ok")


@dataclass(frozen=True)
class Deployment:
    """A folder with bin/ and volumes/.

    Args:
        app: name of its app; empty if bin/ is missing.
        replicas: number of containers per slot.
    """

    folder: Path
    app: str
    replicas: int = 1

    @property
    def names(self) -> Names:
        return Names(self.app)

    @property
    def slot(self) -> str:
        """The current slot: the one that serves, or would."""
        found = self._read("slot")
        return found if found in SLOTS else SLOTS[0]

    @property
    def unit(self) -> str:
        return self.names.unit(self.slot)

    def places(self, slot: str) -> tuple[str, ...]:
        """The name suffixes of a slot's containers."""
        return replicas(slot, self.replicas)

    @property
    def serving_units(self) -> tuple[str, ...]:
        """The units of the current slot."""
        return tuple(self.names.unit(place) for place in self.places(self.slot))

    @property
    def ports(self) -> tuple[int, ...]:
        found = (self._read(f"port.{place}") for place in self.places(self.slot))
        return tuple(int(port) for port in found if re.fullmatch("[0-9]{1,5}", port))

    @property
    def release(self) -> str:
        """Id of the image in the current slot."""
        return self._read(f"release.{self.slot}").removeprefix("sha256:")[:12]

    @property
    def domains(self) -> list[str]:
        return self._read("domains", _MAX_FACTS_BYTES).split()

    @property
    def has_backup(self) -> bool:
        """Whether the app has a repository for archives."""
        return bool(_assigned(_app_facts(self.folder), "NUWA_BACKUP"))

    @property
    def releases(self) -> list[Record]:
        """The latest releases, the oldest first."""
        return self._records("releases.tsv")

    @property
    def commands(self) -> dict[str, str]:
        """The app's named one-off commands, with their help."""
        found = re.search(r"^readonly NUWA_COMMANDS=\((.*)\)$", _app_facts(self.folder), re.MULTILINE)
        try:
            entries = [entry.split("\t") for entry in shlex.split(found[1])] if found else []
        except ValueError:
            return {}
        return {entry[0]: entry[-1] for entry in entries if len(entry) == 3}

    @property
    def once_units(self) -> tuple[str, ...]:
        """The units in which these run in the background."""
        return tuple(f"{self.names.once}{name}.service" for name in self.commands) if self.app else ()

    @property
    def last_archive(self) -> Record | None:
        return self._last("archives.tsv")

    @property
    def last_rehearsal(self) -> Record | None:
        return self._last("rehearsals.tsv")

    def _read(self, name: str, most: int = _MAX_VALUE_BYTES) -> str:
        try:
            return regular_files.read(self.folder / "volumes/.nuwa" / name, most).decode().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _last(self, name: str) -> Record | None:
        records = self._records(name)
        return records[-1] if records else None

    def _records(self, name: str) -> list[Record]:
        try:
            text = regular_files.tail(self.folder / "volumes/.nuwa" / name, _TAIL)
        except OSError:
            return []
        lines = text.decode("utf-8", "replace").splitlines()
        return [record for line in lines if (record := _record(line))]


def find(folder: str | Path) -> Deployment:
    """The deployment in a folder; its values are empty if there is none."""
    path = Path(folder)
    text = _app_facts(path)
    app, count = _assigned(text, "NUWA_APP"), _assigned(text, "NUWA_REPLICAS")
    app = app if re.fullmatch(checks.app_name.expression, app) else ""
    return Deployment(path, app, int(count) if re.fullmatch("[1-9][0-9]?", count) else 1)


def _assigned(text: str, name: str) -> str:
    """The value of a simple assignment in the app's file for the scripts; nothing is executed."""
    found = re.search(rf"^readonly {name}=(.*)$", text, re.MULTILINE)
    return found[1].strip("'\"") if found else ""


def _app_facts(folder: Path) -> str:
    for file in _APP_FACTS:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return regular_files.read(folder / file, _MAX_FACTS_BYTES).decode()
    return ""


def _record(line: str) -> Record | None:
    when, _, rest = line.partition("\t")
    what, _, outcome = rest.partition("\t")
    try:
        time = datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None
    return Record(time, what[:MAX_RECORD_CHARS], outcome[:MAX_RECORD_CHARS])
