"""The monitor's rounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nuwa.agent.database import Database
from nuwa.agent.monitor import checks, container_processes, monitor
from nuwa.agent.monitor.monitor import MAX_PARALLEL, Monitor
from nuwa.agent.paths import Paths


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "agent.db")
    yield made
    made.close()


def watched(folder: Path, database: Database, settings: SimpleNamespace) -> Any:
    """A host of which a monitor needs no more than its settings."""
    return SimpleNamespace(
        paths=Paths(folder),
        database=database,
        loaded=SimpleNamespace(config=SimpleNamespace(monitor=settings)),
        reconfigured=asyncio.Event(),
    )


def test_an_error_that_nobody_expects_does_not_end_the_rounds(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = SimpleNamespace(interval=0.01)
    host = watched(tmp_path, database, settings)
    monitor, rounds = Monitor(host), []

    async def fail() -> None:
        rounds.append(None)
        raise KeyError("something unexpected")

    monkeypatch.setattr(monitor, "_round", fail)

    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(monitor.run(), 0.3)

    asyncio.run(work())
    assert len(rounds) > 1
    assert "something unexpected" in caplog.text


def test_a_shorter_interval_counts_as_soon_as_it_is_applied(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimpleNamespace(interval=3600.0)
    host = watched(tmp_path, database, settings)
    monitor, rounds = Monitor(host), asyncio.Semaphore(0)

    async def look() -> None:
        rounds.release()

    monkeypatch.setattr(monitor, "_round", look)

    async def work() -> None:
        running = asyncio.create_task(monitor.run())
        await rounds.acquire()
        settings.interval = 0.01
        host.reconfigured.set()
        host.reconfigured = asyncio.Event()
        await asyncio.wait_for(rounds.acquire(), 30)
        running.cancel()

    asyncio.run(work())


def test_a_few_containers_at_a_time_are_looked_into(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host: Any = SimpleNamespace(paths=Paths(tmp_path), database=database)
    looking: list[str] = []
    counts: list[int] = []

    async def look(service: Any) -> list[Any]:
        looking.append(service.name)
        counts.append(len(looking))
        await asyncio.sleep(0)
        looking.remove(service.name)
        return []

    monkeypatch.setattr(container_processes, "findings", look)
    everything: Any = [
        SimpleNamespace(name=f"app{number}", unit=f"app{number}.service", deployment=True)
        for number in range(20)
    ]
    units = {service.unit: {"ActiveState": "active", "SubState": "running"} for service in everything}
    asyncio.run(Monitor(host)._inside_ones(everything, units))
    assert len(counts) == 20
    assert max(counts) == MAX_PARALLEL


def test_a_few_pages_at_a_time_are_fetched_and_they_share_what_the_host_trusts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hundreds of pages at once would take hundreds of megabytes, and hold up everybody for seconds."""
    fetching: list[Any] = []
    counts: list[int] = []

    async def fetch(page: Any) -> Any:
        fetching.append(page)
        counts.append(len(fetching))
        await asyncio.sleep(0)
        fetching.remove(page)
        return page

    monkeypatch.setattr(checks, "site", fetch)
    pages: Any = range(50)
    assert asyncio.run(monitor._sites(pages)) == list(pages)
    assert max(counts) == monitor.MAX_SITES
    first, second = checks._target("https://a.test/"), checks._target("https://b.test/")
    assert first.tls
    assert first.tls is second.tls
