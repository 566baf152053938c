"""A minute of a host: what is recorded of it, and what does not end the recording."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from nuwa.agent.config.model import Process
from nuwa.agent.host.services import Service, no_usage
from nuwa.agent.paths import Paths
from nuwa.agent.stats import answer
from nuwa.agent.stats.points import Point
from nuwa.agent.stats.recorder import Recorder, access_log, until_next
from nuwa.agent.stats.store import HOST, Store
from nuwa.errors import NuwaError

LINE = '10.0.0.1 - - [x] "GET / HTTP/1.1" {status} 5 "-" "-" 0.010\n'


class Host:
    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.service = Service("web", "process", "blue", Process(script="/srv/web"), ports=(8000,))
        self.properties = {"ActiveState": "active", "ControlGroup": "/nothing", "NRestarts": "0"}
        self.fault = False
        self.start(100)
        self.log = root / "var/log/nginx/nuwa@web.log"
        self.log.parent.mkdir(parents=True)

    def start(self, at: int, restarts: int = 0) -> None:
        self.properties |= {"ActiveEnterTimestampMonotonic": str(at * 10**6), "NRestarts": str(restarts)}

    def services(self) -> list[Service]:
        return [self.service]

    async def units(self) -> dict[str, dict[str, str]]:
        if self.fault:
            raise NuwaError("no systemd")
        return {self.service.unit: self.properties}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def rounds(recorder: Recorder, *between: object) -> None:
    async def work() -> None:
        await recorder._round(is_first=True)
        for change in between:
            change()  # type: ignore[operator]
            await recorder._round()

    asyncio.run(work())


def test_requests_of_a_route_are_counted_for_its_service(host: Host):
    recorder = Recorder(host)
    rounds(recorder, lambda: host.log.write_text(LINE.format(status=200) * 3 + LINE.format(status=503)))
    (point,) = recorder.store().read("web", 0, 60)
    assert (point.requests, point.errors, point.took.total()) == (4, 1, 4)


def test_the_host_is_measured_too(host: Host):
    recorder = Recorder(host)
    rounds(recorder, lambda: None)
    (point,) = recorder.store().read(HOST, 0, 60)
    assert point.cpu is not None
    assert point.memory


def test_a_host_that_does_not_answer_is_said_once_and_recorded_again_later(
    host: Host, caplog: pytest.LogCaptureFixture
):
    recorder = Recorder(host)

    def fail() -> None:
        host.fault = True

    def recover() -> None:
        host.fault = False

    rounds(recorder, fail, lambda: None, recover)
    assert sum("no systemd" in record.message for record in caplog.records) == 1
    assert len(recorder.store().read(HOST, 0, 60)) == 1


def test_an_error_that_nobody_expects_does_not_end_the_recording(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    recorder = Recorder(host)

    def fail(*_: object) -> None:
        raise OverflowError("too large")

    def begin() -> None:
        monkeypatch.setattr(recorder._machine, "usage", fail)

    rounds(recorder, begin, monkeypatch.undo)
    assert "too large" in caplog.text
    assert len(recorder.store().read(HOST, 0, 60)) == 1


def test_the_same_minute_does_not_come_twice_while_the_clock_is_adjusted():
    assert until_next(120.0) == 60
    assert until_next(150.0) == 30
    assert until_next(179.98) == pytest.approx(60.02)


def test_metrics_count_the_seconds_that_were_measured(host: Host, monkeypatch: pytest.MonkeyPatch):
    recorder = Recorder(host)
    usage = {**no_usage(), "cpu": 0.5}
    monkeypatch.setattr(recorder._machine, "usage", lambda: usage)
    rounds(recorder, lambda: setattr(recorder, "_measured_at", time.monotonic() - 20))
    assert recorder.totals[HOST].cpu == pytest.approx(10, abs=1)


def test_what_a_clock_that_was_ahead_left_behind_is_in_no_period(tmp_path: Path):
    store, now = Store(tmp_path / "stats.db"), int(time.time())
    marks = [("web", {"at": at, "kind": "restart", "text": "x"}) for at in (now - 60, now + 10**6)]
    store.add({"web": Point(at=now + 10**6, requests=5)}, marks)  # type: ignore[arg-type]
    store.add({"web": Point(at=now - 60, requests=7)})
    found = asyncio.run(answer.of(store, "web", "24h", []))
    assert found["total"]["requests"] == 7
    assert [mark["at"] for mark in found["marks"]] == [now - 60]
    store.close()


def test_a_store_that_cannot_be_opened_does_not_end_the_recording(
    host: Host, caplog: pytest.LogCaptureFixture
):
    recorder = Recorder(host)
    host.paths.stats.mkdir(parents=True)
    rounds(recorder, lambda: None, host.paths.stats.rmdir)
    assert "cannot be opened" in caplog.text
    assert recorder.store().read(HOST, 0, 60)


def test_core_services_have_no_requests(host: Host):
    assert access_log(Service("ci", "core"), host.paths) is None
