"""Successful archives and rehearsals, from the scripts' records; failures are reported by checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nuwa import files
from nuwa.agent.host.deployment import Deployment, Record
from nuwa.agent.monitor.results import Finding
from nuwa.errors import NuwaError


class ArchiveResults:
    """Reports each once, also after a restart of the agent.

    Args:
        path: the file that stores the last ones.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, float] = files.read_json(path, {})

    def new(self, service: str, deployment: Deployment) -> list[Finding]:
        """The successes since the last call; none at the first call.

        Raises:
            NuwaError: the known ones cannot be stored; then nothing is reported.
        """
        seen = {
            f"{deployment.folder} {kind}": (kind, record)
            for kind, record in (
                ("backup", deployment.last_archive),
                ("rehearsal", deployment.last_rehearsal),
            )
        }
        last = {key: record.time if record else 0.0 for key, (_, record) in seen.items()}
        fresh = {key for key, time in last.items() if time > self._last.get(key, time)}
        if any(self._last.get(key) != time for key, time in last.items()):
            self._remember({**self._last, **last})
        return list(_findings(service, [seen[key] for key in seen if key in fresh]))

    def _remember(self, last: dict[str, float]) -> None:
        try:
            files.write_json(self._path, last, mode=0o600)
        except OSError as error:
            raise NuwaError(f"{self._path} cannot be written: {error.strerror}") from None
        self._last = last


def _findings(service: str, records: list[tuple[str, Record | None]]) -> Iterator[Finding]:
    for kind, record in records:
        if record and record.ok:
            said = "was made" if kind == "backup" else "was restored in a rehearsal"
            name = f"archive {service}" if kind == "backup" else f"rehearsed {service}"
            yield Finding(name, kind, service, "ok", f"archive {record.what[:200]} {said}")
