"""The metrics' listener: what it does while its port is taken."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from nuwa.agent.api import metrics
from nuwa.agent.config.model import Metrics


def test_a_port_that_is_taken_is_tried_again_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "RETRY_S", 0.01)

    async def work(port: int) -> int:
        config = SimpleNamespace(metrics=Metrics(token="a-token-of-a-test", port=port))
        agent: Any = SimpleNamespace(reconfigured=asyncio.Event(), loaded=SimpleNamespace(config=config))
        listening = asyncio.create_task(metrics.listen(agent))
        while len(caplog.records) < 5:
            await asyncio.sleep(0.01)
        left = len(asyncio.all_tasks())
        listening.cancel()
        return left

    with socket.create_server(("127.0.0.1", 0)) as taken:
        left = asyncio.run(work(taken.getsockname()[1]))
    assert left <= 3, "the listener, this test, and one that waits"
    assert "the metrics listener could not start" in caplog.text
