"""The queue of webhooks after a start of the agent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent.config.load import validate
from nuwa.agent.database import Database
from nuwa.agent.webhooks.dispatcher import Dispatcher
from nuwa.agent.webhooks.run_states import RunState
from nuwa.agent.webhooks.run_store import Delivery, History

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REMOTE = "https://github.com/ada/site.git"


class Executor:
    """Knows the address of the remote, and does nothing."""

    async def run(self, command: Any, output: Any) -> int:
        if "get-url" in command.argv:
            output(f"{REMOTE}\n")
        return 0


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    database = Database(tmp_path / "agent.db")
    yield History(database)
    database.close()


def started(history: History, tmp_path: Path, hooks: dict[str, Any]) -> list[RunState]:
    """What is told when an agent starts."""
    loaded = validate(json.dumps({"webhooks": hooks}), "config.json")
    told: list[RunState] = []
    made = Dispatcher(
        history, lambda: loaded, Executor(), lambda *_: None, tmp_path / "environments", told.append
    )
    asyncio.run(made.start())
    return told


def interrupted(history: History, hook: str, times: int) -> int:
    run = history.accept(hook, Delivery(f"of-{hook}"), COMMIT).run
    for _ in range(times):
        history.begin(run)
    return run


def test_a_run_that_is_given_up_is_told_as_failed(history: History, tmp_path: Path) -> None:
    hook = {"token": "a-token-of-a-test", "path": str(tmp_path), "status": {"token": "of-the-forge"}}
    run = interrupted(history, "site", 3)
    (state,) = started(history, tmp_path, {"site": hook})
    assert (state.run, state.state, state.commit, state.remote) == (run, "failed", COMMIT, REMOTE)
    assert "interrupted" in state.step
    assert history.state("site") == "failed"


def test_of_a_hook_that_is_gone_nothing_is_told(history: History, tmp_path: Path) -> None:
    interrupted(history, "site", 3)
    assert started(history, tmp_path, {}) == []
    assert history.state("site") == "failed"
