"""Pushes to a real host, as forges and strangers send them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.agent_site import (
    APP,
    LAYERS,
    MANIFEST,
    RECEIVER,
    TOKEN,
    Repository,
    configure,
    deliver,
    finished,
    listing,
    push_body,
    visitors,
    write,
)
from e2e.conftest import ROOT, LabHost, eventually
from nuwa.process import run


class TestAPush:
    def test_of_each_forge_is_served_without_a_failed_request(self, site: Repository) -> None:
        with visitors(site.host, "web.test") as said:
            for forge in ("github", "gitlab", "gitea"):
                commit = site.push(f"from {forge}")
                status, answer = deliver(site.host, "site", forge, push_body(commit))
                assert status == 202, answer
                run = finished(site.host, answer["run"])
                assert run["state"] == "ok", run
                assert [line["code"] for line in run["lines"]] == [0, 0, 0, 0]
                assert run["services"] == ["web"]
                assert site.page() == f"from {forge}"
        assert [text.split()[1] for text in said] == ["0", "0"], said
        assert all(int(text.split()[0]) > 100 for text in said), said

    def test_that_does_not_come_up_leaves_the_old_one_serving(self, site: Repository) -> None:
        before = site.page()
        _, answer = deliver(site.host, "site", "github", push_body(site.push("broken", broken=True)))
        run = finished(site.host, answer["run"])
        assert run["state"] == "failed"
        assert "The old one keeps serving" in run["lines"][-1]["output"]
        assert site.page() == before

    def test_with_rewritten_history_is_taken_as_it_is(self, site: Repository) -> None:
        _, answer = deliver(site.host, "site", "gitea", push_body(site.push("rewritten", force=True)))
        assert finished(site.host, answer["run"])["state"] == "ok"
        assert site.page() == "rewritten"

    def test_counts_only_with_the_secret_and_only_once(self, site: Repository) -> None:
        body = push_body(site.host.out("git -C /srv/dev rev-parse HEAD"))
        assert deliver(site.host, "site", "github", body, "guessed")[0] == 401
        assert deliver(site.host, "site", "github", push_body("1" * 40, "other"))[1] == {
            "ignored": "other is not main"
        }
        status, answer = deliver(site.host, "site", "github", body)
        assert status == 202
        assert deliver(site.host, "site", "github", body)[0] == 409, "the same message under another name"
        finished(site.host, answer["run"])


@pytest.fixture(scope="module")
def pushed(agent: LabHost, site: Repository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHost]:
    """An app that is installed from its image, whose source is in a repository on the host."""
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "nuwa.toml").write_text(MANIFEST)
    (folder / "pushed.py").write_text(APP.format(version="first"))
    run([sys.executable, "-m", "nuwa", "build", folder], cwd=ROOT, timeout=540)
    for layer in LAYERS:
        agent.copy(layer)
    for name in ("nuwa.toml", "pushed.py"):
        write(agent, f"/srv/pushed-dev/{name}", (folder / name).read_text())
    agent.sh(
        """set -e
        rm -rf /srv/pushed.git /srv/pushed-source /srv/pushed-dev/.git
        git init -q --bare -b main /srv/pushed.git; cd /srv/pushed-dev; git init -q -b main
        git add -A; git commit -q -m first; git remote add origin /srv/pushed.git; git push -q origin main
        git clone -q /srv/pushed.git /srv/pushed-source
        nuwa setup localhost/app/pushed:latest /srv/pushed --yes
        cd /srv/pushed; bin/run; bin/install pushed.test"""
    )
    before = agent.out("cat /etc/nuwa/config.json")
    config = json.loads(before)
    config["processes"]["pushed"] = {"deployment": "/srv/pushed", "source": "/srv/pushed-source"}
    config["webhooks"]["pushed"] = {"token": TOKEN, "path": "/srv/pushed-source", "branch": "main"}
    phone = {"url": "json://127.0.0.1:8098/", "events": ["deploy", "rollback"], "group": 0}
    config["monitor"] = {"interval": 2, "channels": {"phone": phone}}
    write(agent, "/srv/phone.py", RECEIVER.replace("8099", "8098").replace("/tmp/posted", "/tmp/phone"))
    agent.sh("rm -f /tmp/phone; systemd-run -q --collect --unit=t-phone python3 /srv/phone.py")
    configure(agent, config)
    yield agent
    configure(agent, json.loads(before))
    agent.sh("cd /srv/pushed && bin/uninstall --yes; systemctl stop t-phone")


class TestAPushToADeployment:
    def push(self, host: LabHost, **files: str) -> dict[str, Any]:
        """Push files, and return the run that came of it."""
        for name, text in files.items():
            write(host, f"/srv/pushed-dev/{name.replace('_toml', '.toml').replace('_py', '.py')}", text)
        host.sh("cd /srv/pushed-dev; git add -A; git commit -q -m change; git push -q origin main")
        commit = host.out("git -C /srv/pushed-dev rev-parse HEAD")
        status, answer = deliver(host, "pushed", "github", push_body(commit))
        assert status == 202, answer
        return finished(host, answer["run"], 400)

    def page(self, host: LabHost) -> str:
        return host.out("curl -sk --resolve pushed.test:443:127.0.0.1 https://pushed.test/")

    def told(self, host: LabHost, text: str) -> object:
        """Wait for the message that a deploy has sent to the channel."""
        try:
            return eventually(lambda: text in host.out("tail -n 1 /tmp/phone"), f"{text} is told")
        except pytest.fail.Exception:
            print(host.out("journalctl -u nuwa-ci -u t-phone --since -5min --no-pager | tail -n 60"))
            print(host.out("nuwa alert list --json; tail -n 20 /srv/pushed/volumes/.nuwa/nuwa.log"))
            raise

    def test_is_built_and_deployed_without_a_failed_request(self, pushed: LabHost) -> None:
        assert self.page(pushed) == "first"
        with visitors(pushed, "pushed.test") as said:
            run = self.push(pushed, pushed_py=APP.format(version="second"))
        assert run["state"] == "ok", run
        assert [line["command"].split()[:2] for line in run["lines"][-2:]] == [
            ["nuwa", "build"],
            ["bin/deploy", "localhost/app/pushed:latest"],
        ]
        assert self.page(pushed) == "second"
        assert [text.split()[1] for text in said] == ["0", "0"], said
        assert listing(pushed)["pushed"]["status"] == "running"
        self.told(pushed, "serves")

    def test_that_does_not_build_leaves_the_old_release_serving(self, pushed: LabHost) -> None:
        run = self.push(pushed, nuwa_toml=MANIFEST.replace("workers", "workerz"))
        assert run["state"] == "failed"
        assert "did you mean 'workers'" in run["lines"][-1]["output"].lower()
        assert self.page(pushed) == "second"

    def test_that_does_not_come_up_leaves_the_old_release_serving(self, pushed: LabHost) -> None:
        """The build imports the app and finds nothing wrong; it breaks where it is to serve."""
        breaks = "import os\n\nassert 'NUWA_BUILD' in os.environ, 'no luck'\n"
        run = self.push(pushed, nuwa_toml=MANIFEST, pushed_py=breaks + APP.format(version="third"))
        assert run["state"] == "failed"
        assert run["lines"][-1]["command"].startswith("bin/deploy")
        assert self.page(pushed) == "second"
        self.told(pushed, "The previous release")


class TestBadInput:
    """At the webhook listener, as strangers reach it through the router."""

    URL = "https://127.0.0.1/ci/webhook"

    def status(self, host: LabHost, words: str) -> str:
        return host.out(f"curl -sk -o /dev/null -m 60 -w '%{{http_code}}' {words}")

    def test_is_refused_with_the_status_that_says_why(self, site: Repository) -> None:
        host, ask = site.host, f"-H 'X-Gitlab-Token: {TOKEN}' -H 'X-Gitlab-Event: Push Hook'"
        host.sh("head -c 104857600 /dev/zero >/tmp/large")
        assert self.status(host, f"--data-binary @/tmp/large {ask} {self.URL}/site") == "413"
        assert self.status(host, f"--data '{{' {ask} {self.URL}/site") == "400"
        for name in ("..%2f..%2fetc", "%2e%2e", "site%00", "a" * 3000, "-x"):
            path = f"--path-as-is http://127.0.0.1:7501/webhook/{name}"
            assert self.status(host, f"--data '{{}}' {ask} {path}")[0] == "4", name

    def test_of_the_control_socket_is_refused_too(self, site: Repository) -> None:
        socket = "--unix-socket /run/nuwa/control.sock --path-as-is http://nuwa"
        for path in ("/start/..%2f..%2fetc%2fpasswd", "/log/..%2fx", "/webhook/%2e%2e/restart", "/runs/-1"):
            assert self.status(site.host, f"-X POST {socket}{path}")[0] == "4", path

    def test_guessing_at_speed_has_to_wait_and_others_do_not(self, site: Repository) -> None:
        host = site.host
        sent = "-H 'X-Gitlab-Token: no' --interface 127.0.0.9"
        guess = f"curl -sk -o /dev/null -w '%{{http_code}} ' {sent} {self.URL}/site"
        said = host.out(f"for n in $(seq 20); do {guess}; done").split()
        assert said[0] == "401"
        assert "429" in said
        assert self.status(host, f"-X POST {self.URL}/site") == "401", "another address is not concerned"

    def test_slow_clients_take_nobodys_place(self, site: Repository) -> None:
        """Two hundred requests whose bodies never come; a push gets through meanwhile."""
        crawl = """import socket, ssl, time
        context = ssl._create_unverified_context(); held = []
        for n in range(200):
            s = context.wrap_socket(socket.create_connection(("127.0.0.1", 443)))
            s.sendall(b"POST /ci/webhook/site HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100000\\r\\n\\r\\nx")
            held.append(s)
        print("held", flush=True); time.sleep(8)""".replace("\n        ", "\n")
        write(site.host, "/tmp/crawl.py", crawl)
        site.host.sh("python3 /tmp/crawl.py >/tmp/crawl.out 2>&1 </dev/null & disown")
        eventually(lambda: "held" in site.host.out("cat /tmp/crawl.out"), "the slow ones are connected")
        _, answer = deliver(site.host, "site", "github", push_body(site.push("meanwhile")))
        assert finished(site.host, answer["run"])["state"] == "ok"
        assert site.page() == "meanwhile"

    def test_an_edit_by_hand_at_the_same_time_is_not_lost(self, site: Repository) -> None:
        """Somebody edits the file while another holds an older revision of it."""
        host = site.host
        old = json.loads(host.out("nuwa ls --json"))["revision"]
        text = host.out("cat /etc/nuwa/config.json")
        write(host, "/etc/nuwa/config.json", text + " \n", "600")
        match = f"-H 'If-Match: \"{old}\"' --unix-socket /run/nuwa/control.sock"
        put = f"curl -s -X PUT --data-binary '{{}}' {match}"
        assert json.loads(host.out(f"{put} http://nuwa/config"))["error"]["code"] == "conflict"
        assert host.out("cat /etc/nuwa/config.json").strip() == text.strip()
        host.sh("nuwa config apply")

    def test_a_hook_that_never_ends_is_cancelled_with_its_children(self, site: Repository) -> None:
        host = site.host
        before = json.loads(host.out("cat /etc/nuwa/config.json"))
        endless = {**before["webhooks"]["site"], "commands": ["sh -c 'sleep 4242 & sleep 4242'"]}
        configure(host, {**before, "webhooks": {"site": endless}})
        run = json.loads(host.out("nuwa hooks run site --json"))["run"]
        eventually(lambda: host.out("pgrep -fc 'sleep 4242'") >= "2", "the command runs")
        host.sh("nuwa hooks cancel site")
        assert finished(host, run)["state"] == "cancelled"
        assert host.out("pgrep -fc 'sleep [4]242' || :") == "0"
        configure(host, before)
