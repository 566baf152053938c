"""The agent on a disk that is full: it refuses what it cannot keep, loses nothing else, and lives on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_host import TOKEN, AgentHost, Repository

from nuwa.agent.client import Refused


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AgentHost]:
    """A host whose agent has 4 MiB for its memory."""
    made = AgentHost(tmp_path / "host")
    made.start(f"mount -t tmpfs -o size=4m none {made.paths.state}")
    yield made
    made.close()


def filled(host: AgentHost) -> Path:
    """Fill the agent's disk, and return the file that does it."""
    filler = Path(f"/proc/{host.pid}/root{host.paths.state}/filler")
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return filler


def test_a_full_disk_refuses_and_loses_nothing(host: AgentHost, tmp_path: Path) -> None:
    site = Repository(tmp_path, "site")
    begun, marker = tmp_path / "begun", tmp_path / "go"
    wait = ["sh", "-c", f"touch {begun}; until test -e {marker}; do sleep 0.05; done"]
    hook = {"token": TOKEN, "path": str(site.clone), "branch": "main", "commands": [wait]}
    host.configure({"webhooks": {"site": hook}})
    before = host.client.ask("GET", "/ls")["applied"]
    commit = site.commit({"a": "b"})
    accepted = [host.push("site", commit)[1]["run"]]
    # What it notes of itself before its first command is on the disk.
    host.run(accepted[0], until=lambda _: begun.exists())
    filler = filled(host)
    for _ in range(500):
        status, answer = host.push("site", commit)
        if status != 202:
            break
        accepted.append(answer["run"])
    assert status == 503
    assert "full" in answer["error"]["message"]
    with pytest.raises(Refused, match="No space left"):
        host.configure({})
    assert host.client.ask("GET", "/ls")["applied"] == before
    host.client.ask("POST", "/config/apply?dry_run=1")
    marker.touch()
    filler.unlink()
    assert {host.run(run)["state"] for run in accepted} == {"ok"}
    assert host.run(host.push("site", commit)[1]["run"])["state"] == "ok"
