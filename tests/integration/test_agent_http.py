"""What the agent's control socket and its listener for metrics answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agent_host import TOKEN, AgentHost
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from nuwa.agent.client import Refused

CONFIG = {
    "processes": {"web": {"script": "/usr/bin/env"}, "job": {"script": "/usr/bin/env", "autostart": False}},
    "webhooks": {"site": {"token": TOKEN, "path": "/nowhere", "branch": "main"}},
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHost]:
    made = AgentHost(tmp_path_factory.mktemp("host"))
    made.start()
    made.configure(CONFIG)
    yield made
    made.close()


def refused(host: AgentHost, method: str, path: str, *arguments: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        host.client.ask(method, path, *arguments)
    return raised.value


def rows(host: AgentHost) -> dict[str, Any]:
    return {row["name"]: row for row in host.client.ask("GET", "/ls")["ps"]}


def test_the_listing_names_every_service_and_webhook(host: AgentHost) -> None:
    listing = host.client.ask("GET", "/ls")
    assert [row["name"] for row in listing["ps"]] == ["web", "job", "ci", "dashboard", "router", "log"]
    assert [hook["name"] for hook in listing["hooks"]] == ["site"]
    assert listing["revision"] == listing["applied"]


def test_a_service_stops_and_starts(host: AgentHost) -> None:
    assert host.client.ask("POST", "/stop/web")["status"] == "stopped"
    assert rows(host)["web"]["status"] == "stopped"
    assert host.client.ask("POST", "/start/web")["status"] == "running"
    assert rows(host)["web"]["pid"] == 4711
    assert rows(host)["job"]["status"] == "unstarted"


@pytest.mark.parametrize("name", ["nobody", "..%2F..%2Fetc%2Fpasswd", "web;id", "%00", "-h", "a" * 3000])
@pytest.mark.parametrize("path", ["/start/", "/stop/", "/restart/", "/log/", "/hooks/"])
def test_a_name_that_nothing_has_is_unknown(host: AgentHost, path: str, name: str) -> None:
    tail = "/runs" if path == "/hooks/" else ""
    found = refused(host, "GET", path + name + tail)
    assert (found.status, found.code) == (404, "unknown")


def test_the_config_comes_as_it_was_written_and_is_replaced_against_its_revision(host: AgentHost) -> None:
    text = json.dumps(CONFIG, indent=3)
    before = host.client.ask("GET", "/ls")["revision"]
    done = host.client.ask("PUT", "/config", text.encode(), {"If-Match": f'"{before}"'})
    assert host.client.text("/config") == text
    assert host.client.ask("GET", "/ls")["applied"] == done["revision"]
    late = refused(host, "PUT", "/config", b"{}", {"If-Match": f'"{before}"'})
    assert (late.status, late.code) == (412, "conflict")
    assert host.client.text("/config") == text
    assert refused(host, "PUT", "/config", b"{}").status == 428


def test_what_a_config_would_change_is_shown_and_not_done(host: AgentHost) -> None:
    before = host.client.text("/config")
    wanted = {"processes": {**CONFIG["processes"], "new": {"script": "/usr/bin/env"}}}
    found = host.client.ask("PUT", "/config", json.dumps(wanted).encode(), dry_run="1")
    assert found["started"] == ["new"]
    created = [change["path"] for change in found["changes"] if change["action"] == "create"]
    assert created == [str(host.paths.units / "nuwa@new-blue.service")]
    assert host.client.text("/config") == before


def test_a_config_that_is_wrong_changes_nothing_and_says_all(host: AgentHost) -> None:
    before, revision = host.client.text("/config"), host.client.ask("GET", "/ls")["revision"]
    wrong = b'{"processes": {"web": {"scirpt": 1}},\n "limits": {"cpu": "much"}}'
    found = refused(host, "PUT", "/config", wrong, {"If-Match": f'"{revision}"'})
    assert (found.status, found.code) == (422, "invalid")
    assert [(problem["path"], problem["line"]) for problem in found.problems] == [
        ("processes.web.scirpt", 1),
        ("limits.cpu", 2),
    ]
    assert "line 1: processes.web.scirpt: " in found.details
    assert "\n    → " in found.details, "what to do about it is said on the command line too"
    assert host.client.text("/config") == before


def test_earlier_configs_are_kept(host: AgentHost) -> None:
    revision = host.client.ask("GET", "/ls")["revision"]
    host.client.ask(
        "PUT", "/config", json.dumps(CONFIG).encode(), {"If-Match": f'"{revision}"', "X-Nuwa-Who": "me"}
    )
    newest = host.client.ask("GET", "/config/history")["history"][0]
    assert newest["who"] == "me (control socket)"
    assert json.loads(host.client.text(f"/config/history/{newest['revision']}")) == CONFIG
    assert refused(host, "GET", "/config/history/0000000000000000").status == 404


def test_a_file_edited_by_hand_shows_and_is_applied_on_request(host: AgentHost) -> None:
    host.paths.config.write_text(json.dumps({**CONFIG, "env": {"a": 1}}))
    listing = host.client.ask("GET", "/ls")
    assert listing["revision"] != listing["applied"]
    assert host.client.ask("POST", "/config/apply")["revision"] == listing["revision"]
    assert host.client.ask("GET", "/ls")["applied"] == listing["revision"]


def test_the_log_is_read_in_parts_that_join(host: AgentHost) -> None:
    entries = [
        {
            "__CURSOR": str(number),
            "__REALTIME_TIMESTAMP": str(number * 10**6),
            "MESSAGE": f"line {number}",
            "PRIORITY": "6",
            "_SYSTEMD_UNIT": f"nuwa@{name}-blue.service",
        }
        for number, name in enumerate(["web", "job", "web", "web"])
    ]
    (host.root / "fake-journal.json").write_text(json.dumps(entries))
    first = host.client.ask("GET", "/log/web", lines="2")
    assert [line["text"] for line in first["lines"]] == ["line 2", "line 3"]
    assert host.client.ask("GET", "/log/web", after=first["cursor"])["lines"] == []
    everything = host.client.ask("GET", "/log")["lines"]
    assert [line["service"] for line in everything] == ["web", "job", "web", "web"]
    assert refused(host, "GET", "/log?since=nonsense").status == 400
    assert refused(host, "GET", "/log?priority=loud").status == 400


def write_journal(host: AgentHost, entries: list[dict[str, Any]]) -> None:
    unit = "nuwa@web-blue.service"
    common = {"__REALTIME_TIMESTAMP": "1000000", "PRIORITY": "6", "_SYSTEMD_UNIT": unit}
    lines = [{"__CURSOR": str(number), **common, **entry} for number, entry in enumerate(entries)]
    (host.root / "fake-journal.json").write_text(json.dumps(lines))


def test_a_long_line_that_became_several_entries_is_one_line(host: AgentHost) -> None:
    one = {"CONTAINER_ID_FULL": "1" * 64}
    two = {"CONTAINER_ID_FULL": "2" * 64}
    more = {"CONTAINER_PARTIAL_MESSAGE": "true"}
    cut = {"_STREAM_ID": "s", "_LINE_BREAK": "line-max"}
    write_journal(
        host,
        [
            {"MESSAGE": "a1 ", **one, **more},
            {"MESSAGE": "b1 ", **two, **more},
            {"MESSAGE": "error", **one, "PRIORITY": "3"},
            {"MESSAGE": "a2 ", **one, **more},
            {"MESSAGE": "c1 ", **cut},
            {"MESSAGE": "a3\n", **one},
            {"MESSAGE": "x" * 100_000, "_STREAM_ID": "other"},
            {"MESSAGE": "c2", "_STREAM_ID": "s"},
            {"MESSAGE": "whole", **one},
        ],
    )
    lines = host.client.ask("GET", "/log/web")["lines"]
    texts = [line["text"] for line in lines]
    assert texts == ["error", "a1 a2 a3", "x" * 100_000, "c1 c2", "whole", "b1 "]
    assert lines[1]["cursor"] == "5"


def test_a_client_that_resumes_misses_no_line_and_gets_none_twice(host: AgentHost) -> None:
    write_journal(host, [{"MESSAGE": f"line {number}"} for number in range(25)])
    cursor, seen = "0", ["line 0"]
    while lines := host.client.ask("GET", "/log/web", after=cursor, lines="7")["lines"]:
        seen += [line["text"] for line in lines]
        cursor = lines[-1]["cursor"]
    assert seen == [f"line {number}" for number in range(25)]
    assert refused(host, "GET", "/log/web?after=nonsense").status == 400


def test_whoever_watches_gets_the_whole_and_then_what_changes(host: AgentHost) -> None:
    seen: list[tuple[str, Any]] = []
    done = threading.Event()

    def watch() -> None:
        for name, data in host.client.events("/watch"):
            seen.append((name, data))
            if name == "service" and data["name"] == "job" and data["status"] == "running":
                done.set()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    for _ in range(200):
        if any(name == "sample" for name, _ in seen):
            break
        time.sleep(0.05)
    host.client.ask("POST", "/start/job")
    assert done.wait(20)
    assert [name for name, _ in seen[:2]] == ["ls", "history"]
    host.client.ask("POST", "/stop/job")


def test_whoever_watches_gets_the_whole_again_when_the_configuration_changes(host: AgentHost) -> None:
    listings: queue.Queue[Any] = queue.Queue()

    def watch() -> None:
        for name, data in host.client.events("/watch"):
            if name == "ls":
                listings.put({row["name"] for row in data["ps"]})

    threading.Thread(target=watch, daemon=True).start()
    assert "more" not in listings.get(timeout=60)
    host.configure({**CONFIG, "processes": {**CONFIG["processes"], "more": {"script": "/usr/bin/env"}}})
    assert "more" in listings.get(timeout=60)
    host.configure(CONFIG)
    assert "more" not in listings.get(timeout=60)


class TestStats:
    def test_the_host_and_each_service_have_a_history(self, host: AgentHost) -> None:
        for path, name in (("/stats", ""), ("/stats/ci", "ci")):
            found = host.client.ask("GET", path, since="7d")
            assert (found["name"], found["step"]) == (name, 3600)
            assert found["total"]["requests"] is None

    @pytest.mark.parametrize(("path", "status"), [("/stats/nobody", 404), ("/stats?since=soon", 400)])
    def test_what_makes_no_sense_is_refused_with_what_would(
        self, host: AgentHost, path: str, status: int
    ) -> None:
        with pytest.raises(Refused) as refused:
            host.client.ask("GET", path)
        assert refused.value.status == status
        assert refused.value.hint


class TestMetrics:
    @pytest.fixture
    def port(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            return int(listening.getsockname()[1])

    @staticmethod
    def ask(port: int, token: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def test_they_are_there_with_a_token_once_the_configuration_asks_for_them(
        self, host: AgentHost, port: int
    ) -> None:
        with pytest.raises(OSError, match="refused"):
            self.ask(port, TOKEN)
        host.configure({**CONFIG, "metrics": {"token": TOKEN, "port": port}})
        until(lambda: self.ask(port, TOKEN)[0] == 200)
        families = {family.name for family in text_string_to_metric_families(self.ask(port, TOKEN)[1])}
        assert "nuwa_service_up" in families
        assert self.ask(port, "another")[0] == 401
        assert self.ask(port, "")[0] == 401
        host.configure({**CONFIG, "metrics": {"token": TOKEN[::-1], "port": port}})
        until(lambda: self.ask(port, TOKEN[::-1])[0] == 200)
        assert self.ask(port, TOKEN)[0] == 401
        host.configure(CONFIG)
        until(lambda: _is_refused(port))

    def test_a_port_that_is_taken_leaves_the_agent_running(self, host: AgentHost) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            host.configure({**CONFIG, "metrics": {"token": TOKEN, "port": taken.getsockname()[1]}})
            assert host.client.ask("GET", "/health")["ok"]
            host.configure(CONFIG)


def _is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def until(check: Callable[[], bool]) -> None:
    """Ask again and again; a refused connection counts as not yet."""
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            if check():
                return
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_named_command_of_a_deployment_is_run_by_its_own_script(host: AgentHost) -> None:
    folder = host.root / "srv/blog"
    (folder / "bin/lib").mkdir(parents=True)
    (folder / "bin/lib/app").write_text(
        "readonly NUWA_APP=blog\nreadonly NUWA_COMMANDS=('import\tno\tReads the data.')\n"
    )
    script = folder / "bin/run-once"
    script.write_text('#!/bin/sh\necho "$PWD $*" >>called\n')
    script.chmod(0o755)
    host.configure({"processes": {**CONFIG["processes"], "blog": {"deployment": str(folder)}}})
    assert rows(host)["blog"]["commands"] == [{"name": "import", "help": "Reads the data."}]
    done = host.client.ask("POST", "/run/blog/import")
    assert (done["name"], done["message"]) == ("blog", "import runs")
    assert (folder / "called").read_text() == f"{folder} --quiet --detach import\n"
    for path in ("/run/blog/drop", "/run/web/import", "/run/none/import"):
        assert refused(host, "POST", path).status == 404
    script.write_text("#!/bin/sh\necho import is already running >&2\nexit 6\n")
    assert "import is already running" in str(refused(host, "POST", "/run/blog/import"))
    host.configure(CONFIG)
