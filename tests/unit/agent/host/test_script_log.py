"""Which script was at work at a moment."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nuwa.agent.host import script_log
from nuwa.agent.host.deployment import Deployment

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
LOG = """2026-11-28T11:30:00Z bin/deploy[6]: started by eve: --rollback
2026-11-28T11:59:50Z bin/restart[7]: started by ada
no line of a script
2026-11-28T12:00:00Z bin/restart[7]: starting nuwa-shop-blue.service
2026-11-28T12:09:00Z bin/lib/recover[8]: the site does not answer: restarting nuwa-shop-blue.service
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    log = tmp_path / "volumes/.nuwa/nuwa.log"
    log.parent.mkdir(parents=True)
    log.write_text(LOG)
    monkeypatch.setattr(script_log, "_runs", lambda process: False)
    return Deployment(tmp_path, "shop")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0, "bin/restart, started by ada"),
        (550, "bin/lib/recover"),
        (900, "bin/lib/recover"),
        (7200, ""),
        (-1000, ""),
    ],
)
def test_the_last_one_that_said_something_shortly_before(shop: Deployment, after: float, said: str):
    assert script_log.at_work(shop, NOON + after) == said


def test_a_script_that_was_silent_has_to_be_heard_of_again(shop: Deployment, monkeypatch: pytest.MonkeyPatch):
    log = shop.folder / "volumes/.nuwa/nuwa.log"
    short = LOG.replace("starting nuwa-shop-blue.service", "the site answers")
    log.write_text(short)
    assert script_log.at_work(shop, NOON + 300) == "", "it may have ended long before"
    log.write_text(short + "2026-11-28T12:10:00Z bin/restart[7]: nuwa-shop-blue.service is up\n")
    assert script_log.at_work(shop, NOON + 300) == "bin/restart, started by ada"
    log.write_text(short)
    monkeypatch.setattr(script_log, "_runs", lambda process: process == "7")
    assert script_log.at_work(shop, NOON + 300) == "bin/restart, started by ada"


def test_no_log_is_no_script_and_neither_is_a_pipe_or_a_link(shop: Deployment):
    log = shop.folder / "volumes/.nuwa/nuwa.log"
    other = log.rename(log.with_name("other"))
    assert script_log.at_work(shop, NOON) == ""
    log.symlink_to(other)
    assert script_log.at_work(shop, NOON) == ""
    log.unlink()
    os.mkfifo(log)
    assert script_log.at_work(shop, NOON) == ""
