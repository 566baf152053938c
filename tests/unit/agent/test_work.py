"""What the agent does with commands of hooks and with systemd, each part by itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.config import advice, env_file
from nuwa.agent.config.load import validate
from nuwa.agent.database import Database
from nuwa.agent.host import systemctl
from nuwa.agent.monitor import results
from nuwa.agent.schemas import Step
from nuwa.agent.webhooks.recorder import Recorder
from nuwa.agent.webhooks.run_store import Delivery, History
from nuwa.process import Result


def test_a_first_short_output_is_told_while_the_command_goes_on(tmp_path: Path) -> None:
    history = History(Database(tmp_path / "agent.db"))
    run = history.accept("web", Delivery("d"), "c").run
    told: list[dict[str, Any]] = []
    step: Step = {"command": "build", "output": "", "duration": 0.0, "code": None}

    async def work() -> None:
        recorder = Recorder(history, run, 1, "web", step, lambda _, data: told.append(data))
        for text in ("one\n", "two\n"):
            recorder.add(text)
            async with asyncio.timeout(60):
                while not told[-1]["text"]:
                    await asyncio.sleep(0.01)
                assert told.pop()["text"] == text

    asyncio.run(work())
    found = history.run(run)
    assert found
    assert [line["output"] for line in found["lines"]] == ["one\ntwo\n"]


def test_output_that_the_disk_does_not_take_ends_no_run(tmp_path: Path) -> None:
    database = Database(tmp_path / "agent.db")
    history = History(database)
    run = history.accept("web", Delivery("d"), "c").run
    database.row("pragma max_page_count = 1")
    told: list[dict[str, Any]] = []
    step: Step = {"command": "build", "output": "x" * 99999, "duration": 0.0, "code": None}
    Recorder(history, run, 1, "web", step, lambda _, data: told.append(data)).write()
    assert [data["command"] for data in told] == ["build", "build"]


def test_many_units_are_asked_about_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def answer(argv: list[str], **_: Any) -> Result:
        units = argv[argv.index("--") + 1 :]
        calls.append(len(units))
        return Result(argv, 0, "\n\n".join(f"Id={unit}\nActiveState=active" for unit in units), "")

    monkeypatch.setattr(systemctl, "run", answer)
    units = [f"nuwa@s{number}-blue.service" for number in range(501)]
    assert list(systemctl.show(units)) == units
    assert max(calls) <= systemctl.ASKED
    assert systemctl.show([]) == {}


def test_a_token_that_can_be_guessed_is_warned_of() -> None:
    def warned(token: str) -> list[str]:
        text = json.dumps({"webhooks": {"site": {"token": token, "path": "/srv/site"}}})
        return list(advice.given(validate(text, "config.json")))

    assert warned("a" * 32) == []
    (warning,) = warned("short-one")
    assert "webhooks.site.token has 9 characters" in warning


def test_a_file_of_variables_is_warned_of_by_line(tmp_path: Path) -> None:
    path = tmp_path / "web.env"
    document = {"processes": {"web": {"script": "/a", "env_file": str(path)}}}

    def warned() -> list[str]:
        return list(advice.given(validate(json.dumps(document), "config.json")))

    (missing,) = warned()
    assert "cannot be read, so the process will not start" in missing
    path.write_text("A=1\nexport B=2\n")
    path.chmod(0o644)
    everybody, export = warned()
    assert f"chmod 600 {path}" in everybody
    assert export == f"processes.web.env_file: {path}: line 2 {env_file.NOTES['name']}"
    path.chmod(0o600)
    path.write_text("A=1\n")
    assert warned() == []


@pytest.mark.parametrize(
    ("restarts", "since", "state", "settled"),
    [(6, 0, "active", True), (6, 900, "active", False), (0, 0, "active", False), (6, 0, "activating", False)],
)
def test_a_process_that_runs_well_after_a_restart_begins_again_with_the_shortest_delay(
    restarts: int, since: int, state: str, settled: bool
) -> None:
    properties = {
        "ActiveState": state,
        "NRestarts": str(restarts),
        "ActiveEnterTimestampMonotonic": str(since * 1_000_000 + 1),
    }
    assert results.has_settled(properties, 1000.0) is settled
