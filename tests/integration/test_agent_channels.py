"""Alerts to channels, sent by a real agent to servers on this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from agent_host import TOKEN, AgentHost, Repository

from nuwa.agent.client import Refused


class Receiver:
    """A server that notes what it gets.

    Args:
        status: what it answers.
    """

    def __init__(self, status: int = 200) -> None:
        self.got: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver.got.append((self.path, json.loads(body)))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_for(found: Callable[[], Any], seconds: float = 40) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come")


class Site:
    def __init__(self, host: AgentHost) -> None:
        self.host = host
        self.repository = Repository(host.root / "repositories", "site")
        self.phone, self.desk, self.refuser = Receiver(), Receiver(), Receiver(403)
        self._silent = socket.create_server(("127.0.0.1", 0), backlog=16)
        secret = host.paths.folder / "chat-url"
        secret.write_text(f"json://127.0.0.1:{self.phone.port}/chat-secret\n")
        silent = self._silent.getsockname()[1]
        self.channels: Any = {
            "phone": {"url": f"ntfy://127.0.0.1:{self.phone.port}/alerts", "group": 0},
            "chat": {"url_file": str(secret), "events": ["backup"], "group": 0},
            "silent": {"url": f"json://127.0.0.1:{silent}/x?rto=25&cto=25", "group": 0},
            "refuser": {"url": f"json://user:long-password@127.0.0.1:{self.refuser.port}/x", "group": 0},
        }
        self.command = "true"
        self.processes: dict[str, Any] = {}
        self.monitor: dict[str, Any] = {}

    def configure(self) -> None:
        hook = {
            "token": TOKEN,
            "path": str(self.repository.clone),
            "branch": "main",
            "commands": self.command,
        }
        monitor = {**self.monitor, "channels": self.channels}
        self.host.configure({"processes": self.processes, "webhooks": {"site": hook}, "monitor": monitor})

    def run(self, command: str) -> str:
        """Push, with this command in the hook; the state of the run."""
        self.command = command
        self.configure()
        _, answer = self.host.push("site", self.repository.commit({"file": command}))
        return str(self.host.run(answer["run"])["state"])

    def close(self) -> None:
        self._silent.close()
        self.phone.close()
        self.desk.close()
        self.refuser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    host = AgentHost(tmp_path_factory.mktemp("host"))
    made = Site(host)
    host.start()
    made.configure()
    yield made
    host.close()
    made.close()


def test_a_run_that_failed_is_told_with_what_to_do_and_that_it_is_over(site: Site) -> None:
    assert site.run("false") == "failed"
    path, message = wait_for(lambda: site.phone.got)[0]
    assert path == "/"
    assert message["topic"] == "alerts"
    assert "hook site failed" in message["title"]
    assert "nuwa hooks show" in message["message"]
    assert site.run("true") == "ok"
    _, resolved = wait_for(lambda: site.phone.got[1:])[0]
    assert "hook site is well" in resolved["title"]
    assert len(site.phone.got) == 2, "one message each, and none to the channel that asked for backups alone"


def test_channels_that_do_not_work_are_named_and_tried_again_and_hold_up_nobody(site: Site) -> None:
    def faults() -> dict[str, str]:
        found = site.host.client.ask("GET", "/monitor")["channels"]
        return {item["name"]: item["fault"] for item in found if item["fault"]}

    if not site.phone.got:  # this test alone
        assert site.run("false") == "failed"
    found = wait_for(lambda: len(faults()) == 2 and faults(), 180)
    assert set(found) == {"silent", "refuser"}
    assert "long-password" not in str(found)
    waiting = {item["name"]: item["waiting"] for item in site.host.client.ask("GET", "/monitor")["channels"]}
    assert waiting["silent"] >= 1
    assert waiting["refuser"] >= 1
    assert (waiting["phone"], waiting["chat"]) == (0, 0)


def test_a_test_is_sent_at_once_also_with_the_address_from_a_file(site: Site) -> None:
    before = len(site.phone.got)
    assert site.host.client.ask("POST", "/alert/chat/test") == {"sent": "chat"}
    path, message = site.phone.got[before]
    assert path == "/chat-secret"
    assert message["title"].endswith(": test")


def test_a_test_that_fails_says_why_without_the_secret(site: Site) -> None:
    with pytest.raises(Refused) as raised:
        site.host.client.ask("POST", "/alert/refuser/test")
    assert raised.value.status == 409
    assert "403" in str(raised.value) or "Forbidden" in str(raised.value)
    assert "long-password" not in str(raised.value)
    with pytest.raises(Refused, match="no channel 'nobody'") as unknown:
        site.host.client.ask("POST", "/alert/nobody/test")
    assert "phone" in unknown.value.hint


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({}, "either url or url_file"),
        ({"url": "somewhere"}, "the address of a channel"),
        ({"url": "json://x/", "quiet": "22-7"}, "a range of hours"),
        ({"url": "json://x/", "quiet": "22:00-07:00", "time_zone": "Mars/Base"}, "not a time zone"),
        ({"url": "json://x/", "events": ["storm"]}, "storm"),
        ({"url": "json://x/", "services": ["nobody"]}, "no service nobody"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused_with_its_place(site: Site, channel: Any, said: str) -> None:
    with pytest.raises(Refused) as raised:
        site.host.configure({"monitor": {"channels": {"bad": channel}}})
    assert "monitor.channels.bad" in str(raised.value)
    assert said in str(raised.value)


def test_what_becomes_of_a_deployment_is_told_with_what_to_do(site: Site) -> None:
    """Deploys, archives, rehearsals and certificates, from the files that scripts keep to somebody's desk."""
    folder = site.host.root / "srv/blog"
    state = folder / "volumes/.nuwa"
    for made in (folder / "bin/lib", state):
        made.mkdir(parents=True)
    (folder / "bin/lib/app").write_text("readonly NUWA_APP=blog\nreadonly NUWA_BACKUP=/backups\n")
    (state / "domains").write_text("blog.test\n")
    site.monitor = {"interval": 1, "certificate_days": 365}
    site.processes = {"blog": {"deployment": str(folder)}}
    url = f"json://127.0.0.1:{site.desk.port}/"
    events = ["deploy", "rollback", "backup", "rehearsal", "certificate"]
    site.channels = {"desk": {"url": url, "services": ["blog"], "events": events, "group": 0}}
    site.configure()

    def told(*texts: str) -> bool:
        said = "\n".join(message["message"] for _, message in site.desk.got)
        return all(text in said for text in texts)

    wait_for(lambda: told("backup blog: there is no archive yet", "certificate blog.test: "), 90)
    assert told("→ Run bin/archive_volumes in its folder", "→ Run bin/install in the deployment's folder")
    at = "2026-11-28T10:00:00Z"
    (state / "archives.tsv").write_text(f"{at}\tblog-1\tok\n")
    (state / "rehearsals.tsv").write_text(f"{at}\tblog-1\tthe archive is damaged\n")
    lines = ("started by ada", "starting nuwa-blog-green.service", "blog is at release 4be1d02a9c77 (blog:2)")
    (state / "nuwa.log").write_text("".join(f"{at} bin/deploy[7]: {line}\n" for line in lines))
    site.configure()
    wait_for(
        lambda: told("archive blog-1 was made", "release 4be1d02a9c77 (blog:2) serves, deployed by ada"), 90
    )
    wait_for(
        lambda: told("the last rehearsal failed: the archive is damaged", "archive_volumes --rehearse"), 90
    )
