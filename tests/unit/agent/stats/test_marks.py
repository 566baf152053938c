"""What happened to a service, as others remember it."""

from __future__ import annotations

from nuwa.agent.host.deployment import Record
from nuwa.agent.schemas import Alert
from nuwa.agent.stats import marks


def alert(check: str, action: str = "") -> Alert:
    return {"time": 1.0, "check": check, "state": "failed", "message": "stopped", "action": action}


def test_a_release_names_its_image_and_who_brought_it():
    record = Record(5.0, "sha256:9f2b41c07e55aa", "app/shop:1\tlena")
    assert list(marks.of_releases([record])) == [
        {"at": 5.0, "kind": "deploy", "text": "release 9f2b41c07e55 by lena"}
    ]


def test_alerts_of_a_service_and_of_what_runs_in_it():
    alerts = [
        alert("process web"),
        alert("process web/worker"),
        alert("answer web", "restarted"),
        alert("process webby"),
    ]
    texts = [mark["text"] for mark in marks.of_alerts(alerts, "web")]
    assert texts == ["failed: stopped", "failed: stopped", "failed: stopped → restarted"]


def test_alerts_of_the_host_are_those_of_its_disks():
    assert [mark["kind"] for mark in marks.of_alerts([alert("disk /"), alert("process web")], "")] == [
        "alert"
    ]
