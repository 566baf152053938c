"""A row is made again when, and only when, something that it says has changed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from nuwa.agent import rows as module
from nuwa.agent.host.deployment import Deployment
from nuwa.agent.host.services import Service, no_usage
from nuwa.agent.rows import About, Row, Rows

UNIT = "nuwa@web-blue.service"
NOTHING = About(usage=no_usage(), last=[], hook=None, fault="", container=None, certificate_end=None)


def properties(pid: int) -> dict[str, str]:
    return {"ActiveState": "active", "MainPID": str(pid), "ActiveEnterTimestampMonotonic": "1000000"}


def of(rows: Rows, about: About = NOTHING, pid: int = 10, slot: str = "blue") -> Row:
    """The row of a service that was looked up anew, as it is every few seconds."""
    service = Service("web", "process", slot)
    (found,) = rows.of([service], {UNIT: properties(pid)}, lambda _: about)
    return found


def test_what_is_as_it_was_is_not_made_again() -> None:
    rows = Rows()
    assert of(rows) is of(rows)


@pytest.mark.parametrize(
    "changed",
    [
        {"usage": {**no_usage(), "memory": 4096}},
        {"last": [{"service": "web", "time": 1.0, "priority": 6, "text": "hello", "cursor": "x"}]},
        {"hook": "running"},
        {"certificate_end": 5.0},
    ],
)
def test_what_is_told_of_a_service_is_in_its_next_row(changed: dict[str, object]) -> None:
    rows = Rows()
    of(rows).json  # noqa: B018 - made, and kept
    found = json.loads(of(rows, NOTHING._replace(**changed)).json)
    assert {key: found[key] for key in changed} == changed


def test_so_is_what_systemd_says_and_which_slot_serves() -> None:
    rows = Rows()
    assert of(rows).content["pid"] == 10
    assert of(rows, pid=11).content["pid"] == 11
    assert of(rows, pid=11, slot="green").content["pid"] is None
    assert of(rows, NOTHING._replace(fault="worker: exited")).content["result"] == "worker: exited"


def test_a_clock_that_was_set_has_rows_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """They say when a service was started, by the clock."""
    rows = Rows()
    before = of(rows).content["since"] or 0
    later = time.time() + 3600
    monkeypatch.setattr(module.time, "time", lambda: later)
    assert (of(rows).content["since"] or 0) - before > 3500


def test_samples_are_no_news_and_a_new_process_is() -> None:
    rows = Rows()
    first = of(rows)
    assert not of(rows, NOTHING._replace(usage={**no_usage(), "memory": 4096})).differs(first)
    assert of(rows, pid=11).differs(first)


def test_what_stands_in_the_files_of_a_deployment_is_read_each_time(tmp_path: Path) -> None:
    facts = tmp_path / "volumes/.nuwa"
    facts.mkdir(parents=True)
    service = Service("shop", "deployment", "blue", deployment=Deployment(tmp_path, "shop"))
    rows, releases = Rows(), []
    for release in ("a" * 12, "b" * 12):
        (facts / "release.blue").write_text(f"sha256:{release}{'0' * 52}")
        (row,) = rows.of([service], {}, lambda _: NOTHING)
        releases.append(json.loads(row.json)["release"])
    assert releases == ["a" * 12, "b" * 12]
