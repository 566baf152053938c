"""Output of the commands of a run, as it is told and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nuwa.agent.database import Database
from nuwa.agent.schemas import Step
from nuwa.agent.webhooks.recorder import Recorder
from nuwa.agent.webhooks.run_store import Delivery, History


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
