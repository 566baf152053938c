"""When those who watch are told what is not as it was."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from nuwa.agent import agent as module
from nuwa.agent.agent import Agent
from nuwa.agent.paths import Paths


def test_a_webhook_that_changes_is_soon_in_the_rows_of_a_host_with_a_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else has its rows compared for an hour."""
    paths = Paths(tmp_path)
    paths.state.mkdir(parents=True)
    monkeypatch.setattr(module, "FOLDER_CACHE_S", 3600)

    async def work() -> None:
        agent, rounds = Agent(paths), asyncio.Semaphore(0)

        async def compare(seen: dict[str, Any]) -> dict[str, Any]:
            rounds.release()
            return seen

        monkeypatch.setattr(agent, "_tell_changes", compare)
        monkeypatch.setattr(agent.dispatcher, "show", lambda name: {"name": name})
        agent.inventory._units.has_bus = True
        with agent.watchers.join():
            observing = asyncio.create_task(agent._observe())
            await asyncio.wait_for(rounds.acquire(), 30)
            agent.publish("hook", {"name": "site"})
            await asyncio.wait_for(rounds.acquire(), 30)
            observing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await observing
        agent.database.close()

    asyncio.run(work())
