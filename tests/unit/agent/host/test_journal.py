"""Lines of services, as the journal tells them."""

from __future__ import annotations

import json

from nuwa.agent.host.journal import Query, Sources
from nuwa.agent.host.services import Service


def service(name: str, kind: str = "process") -> Service:
    return Service(name, kind, "blue" if kind == "process" else "")


def test_a_line_belongs_to_the_unit_that_the_journal_vouches_for() -> None:
    sources = Sources([service("web"), service("ci", "core")])
    line = {
        "_SYSTEMD_UNIT": "nuwa@web-green.service",
        "UNIT": "nuwa-ci.service",
        "MESSAGE": "x",
        "PRIORITY": "3",
    }
    found = sources.line(json.dumps(line))
    assert found
    assert (found["service"], found["priority"]) == ("web", 3)
    assert sources.line(json.dumps({"_SYSTEMD_UNIT": "ssh.service", "NUWA_SERVICE": "web"})) is None
    assert sources.line("no json") is None


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    line = {"_SYSTEMD_UNIT": "nuwa@web-blue.service", "MESSAGE": [104, 105, 255]}
    found = Sources([service("web")]).line(json.dumps(line))
    assert found
    assert found["text"] == "hi\ufffd"


def test_many_services_are_asked_for_by_their_slice() -> None:
    few = Sources([service("a")]).matches
    many = Sources([service(f"s{number}") for number in range(500)]).matches
    assert "_SYSTEMD_UNIT=nuwa@a-blue.service" in few
    assert many == ["_SYSTEMD_SLICE=nuwa.slice"]


def test_no_value_of_a_query_becomes_an_option_of_its_own() -> None:
    options = Query(lines=10**9, since="--vacuum-size=1", grep="-x").options()
    assert options == ["--lines=10000", "--since=--vacuum-size=1", "--grep=-x"]
    options = Query(lines=10, since="today", grep="-x", after="c").options()
    assert options == ["--lines=11", "--grep=-x", "--cursor=c"], "journalctl takes a time or a cursor"
