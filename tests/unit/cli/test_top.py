"""`nuwa top`: what it shows of an agent's stream, and what it says when that ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nuwa.agent.client import AgentDown
from nuwa.cli import host_services, top


class Client:
    def __init__(self, *events: tuple[str, Any]) -> None:
        self._events = events

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        assert path == "/watch"
        yield from self._events


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_end_of_the_agent_is_said_whenever_it_comes(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [("ls", {}), *(("sample", number) for number in range(count))]
    monkeypatch.setattr(host_services, "client", lambda: Client(*events))
    samples, seen = top._samples(), []
    with pytest.raises(AgentDown, match="the agent stopped"):
        seen.extend(iter(samples.__next__, None))
    assert list(range(1, count)) == seen
