"""Runs of hooks are reported to forges: servers on this machine that check what they get."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from agent_host import TOKEN, AgentHost, Repository

SECRET = "ghp_the-token-of-the-forge"


class Forge:
    """A forge that notes what it is told.

    Args:
        kind: which one.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.failures = kind, 0
        self.got: list[tuple[str, str, Any, dict[str, str]]] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._note("POST", body)
                self._answer(500 if forge.is_failing() else 201, {})

            def do_GET(self) -> None:
                self._note("GET", None)
                many = [{"number": 7, "iid": 7, "state": "opened" if forge.kind == "gitlab" else "open"}]
                self._answer(200, many[0] if forge.kind == "gitea" else many)

            def _note(self, method: str, body: Any) -> None:
                headers = {key.lower(): value for key, value in self.headers.items()}
                forge.got.append((method, self.path, body, headers))

            def _answer(self, status: int, value: Any) -> None:
                raw = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def is_failing(self) -> bool:
        self.failures -= 1
        return self.failures >= 0

    def wait(self, count: int) -> list[tuple[str, str, Any, dict[str, str]]]:
        for _ in range(300):
            if len(self.got) >= count:
                return self.got[:count]
            time.sleep(0.1)
        raise AssertionError(f"the forge was told {self.got}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Site:
    def __init__(self, host: AgentHost, root: Path) -> None:
        self.host = host
        self.repository = Repository(root, "site")

    def run(self, command: str, **status: Any) -> tuple[str, str, int]:
        """Push, with this command in the hook; the state of the run, the commit, and the run's number."""
        hook = {"token": TOKEN, "path": str(self.repository.clone), "branch": "main", "commands": command}
        routes = {"dashboard.example.org/": "dashboard"}
        self.host.configure({"webhooks": {"site": {**hook, "status": status}}, "routes": routes})
        commit = self.repository.commit({"file": str(time.monotonic_ns())})
        _, answer = self.host.push("site", commit)
        return str(self.host.run(answer["run"])["state"]), commit, answer["run"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    host = AgentHost(tmp_path_factory.mktemp("host"))
    made = Site(host, host.root / "repositories")
    host.start()
    yield made
    host.close()


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    made = Forge(request.param)
    yield made
    made.close()


def settings(forge: Forge, **more: Any) -> dict[str, Any]:
    return {
        "token": SECRET, "forge": forge.kind, "api": forge.url, "repository": "ada/site",
        "context": "nuwa/web", **more,
    }  # fmt: skip


def test_a_commit_is_pending_and_then_what_became_of_it_with_the_link_to_the_run(
    site: Site, forge: Forge
) -> None:
    for command, end in (("true", "success"), ("false", "failed" if forge.kind == "gitlab" else "failure")):
        forge.got.clear()
        _, commit, run = site.run(command, **settings(forge))
        begun, ended = forge.wait(2)
        base = "projects/ada%2Fsite" if forge.kind == "gitlab" else "repos/ada/site"
        assert {item[:2] for item in (begun, ended)} == {("POST", f"/api/{base}/statuses/{commit}")}
        assert begun[2]["state"] == ("running" if forge.kind == "gitlab" else "pending")
        assert ended[2]["state"] == end
        assert ended[2]["target_url"] == f"https://dashboard.example.org/runs/{run}"
        assert ended[2]["context"] == "nuwa/web"
        assert f"run {run} of site" in ended[2]["description"]
        name = "private-token" if forge.kind == "gitlab" else "authorization"
        assert ended[3][name].endswith(SECRET)


def test_an_open_pull_request_gets_one_comment_when_the_run_ends(site: Site, forge: Forge) -> None:
    _, _, run = site.run("true", **settings(forge, comment=True))
    told = forge.wait(4)
    assert [item[0] for item in told] == ["POST", "POST", "GET", "POST"]
    path = (
        "projects/ada%2Fsite/merge_requests/7/notes"
        if forge.kind == "gitlab"
        else "repos/ada/site/issues/7/comments"
    )
    assert told[3][1] == f"/api/{path}"
    assert f"https://dashboard.example.org/runs/{run}" in told[3][2]["body"]


def test_a_forge_that_fails_for_a_moment_is_told_all_the_same(site: Site) -> None:
    forge = Forge("github")
    try:
        forge.failures = 1
        assert site.run("true", **settings(forge))[0] == "ok"
        states = [item[2]["state"] for item in forge.wait(3)]
        assert states == ["pending", "pending", "success"]
    finally:
        forge.close()


@pytest.mark.parametrize(
    "status",
    [
        {"token": SECRET, "forge": "github", "api": "http://127.0.0.1:9", "repository": "a/b"},
        {"token": SECRET, "forge": "github"},
        {"token_file": "/nowhere/token", "forge": "github", "api": "http://127.0.0.1:9", "repository": "a/b"},
    ],
)
def test_a_forge_that_cannot_be_told_fails_no_run(site: Site, status: dict[str, Any]) -> None:
    begun = time.monotonic()
    assert site.run("true", **status)[0] == "ok"
    assert time.monotonic() - begun < 20
