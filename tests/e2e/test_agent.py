"""The host agent on a real host: installed as the guide says, with real systemd, journal, nginx and git."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks import agent_log
from e2e.agent_site import (
    APP,
    LAYERS,
    MANIFEST,
    RECEIVER,
    SITE,
    SYSLOG,
    TOKEN,
    configure,
    deliver,
    finished,
    listing,
    push_body,
    visitors,
    write,
)
from e2e.conftest import ROOT, STATE_OF_HOST, LabHost, eventually
from nuwa.process import run

ROUTES = {"*/": "dashboard", "*/ci": "ci"}


@pytest.mark.usefixtures("agent")
class TestThePreparedHost:
    def test_nothing_is_missing_and_a_second_init_changes_nothing(self, host: LabHost) -> None:
        assert json.loads(host.out("nuwa host check --json"))["faults"] == {}
        before = host.out("systemctl show -p MainPID nuwa-ci nuwa-log")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration"]
        assert host.out("systemctl show -p MainPID nuwa-ci nuwa-log") == before

    def test_an_update_of_nuwa_restarts_the_agent_and_nothing_else(self, host: LabHost) -> None:
        record = host.out("echo /opt/nuwa/lib/python3*/site-packages/nuwa_images-*.dist-info/RECORD").strip()
        router = host.out("systemctl show -p MainPID nginx")
        before = host.out("systemctl show -p MainPID --value nuwa-ci nuwa-dashboard").split()
        host.sh(f"cp {record} /root/RECORD && echo 'nuwa/another.py,,' >>{record}")
        assert json.loads(host.out("nuwa host init --json"))["made"] == ["configuration", "services"]
        after = host.out("systemctl show -p MainPID --value nuwa-ci nuwa-dashboard").split()
        assert not set(before) & set(after)
        assert host.out("systemctl show -p MainPID nginx") == router
        host.sh(f"mv /root/RECORD {record} && nuwa host init")

    def test_remove_leaves_nothing_behind_and_init_brings_it_back(
        self, host: LabHost, before_agent: str
    ) -> None:
        host.sh("nuwa host remove --yes")
        assert host.out(STATE_OF_HOST) == before_agent
        host.sh("nuwa host init")
        eventually(lambda: listing(host)["ci"]["status"] == "running", "the agent runs again")


@dataclass
class Repository:
    """A site's repository: where it is pushed to, and where the host serves it from."""

    host: LabHost

    def push(self, version: str, *, broken: bool = False, force: bool = False) -> str:
        """Change the site, and return the new commit."""
        write(self.host, "/srv/dev/site.py", "exit 1" if broken else SITE.format(version=version))
        amend = "--amend" if force else ""
        self.host.sh(
            f"cd /srv/dev && git add -A && git commit -q {amend} -m '{version}' && git push -q -f origin main"
        )
        return self.host.out("git -C /srv/dev rev-parse HEAD")

    def page(self) -> str:
        return self.host.out("curl -sk --resolve web.test:443:127.0.0.1 https://web.test/")


@pytest.fixture(scope="module")
def site(agent: LabHost) -> Iterator[Repository]:
    """A site with a fixed neighbour, a hook, and routes; everything runs as an ordinary user."""
    agent.sh(
        """set -e
        id dev 2>/dev/null || useradd --create-home dev
        rm -rf /srv/bare.git /srv/dev /srv/site
        git config --system user.name t; git config --system user.email t@lab.test
        git config --system --replace-all safe.directory '*'
        git init -q --bare -b main /srv/bare.git; git clone -q /srv/bare.git /srv/dev 2>/dev/null"""
    )
    made = Repository(agent)
    made.push("one")
    agent.sh("git clone -q /srv/bare.git /srv/site && chown -R dev: /srv/site")
    document = {
        "env": {"domain": "web.test"},
        "processes": {
            "web": {
                "script": "/srv/site/site.py",
                "args": ["${.ports.0}"],
                "ports": ["auto"],
                "health": {"path": "/", "start_period": 30},
            }
        },
        "webhooks": {
            "site": {
                "token": TOKEN,
                "path": "/srv/site",
                "branch": "main",
                "commands": "git log -1 --oneline",
            }
        },
        "routes": {"${domain}/": "web", **ROUTES},
    }
    configure(agent, document)
    yield made
    configure(agent, {"routes": ROUTES})


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
    config = json.loads(agent.out("cat /etc/nuwa/config.json"))
    config["processes"]["pushed"] = {"deployment": "/srv/pushed", "source": "/srv/pushed-source"}
    config["webhooks"]["pushed"] = {"token": TOKEN, "path": "/srv/pushed-source", "branch": "main"}
    phone = {"url": "json://127.0.0.1:8098/", "events": ["deploy", "rollback"], "group": 0}
    config["monitor"] = {"interval": 2, "channels": {"phone": phone}}
    write(agent, "/srv/phone.py", RECEIVER.replace("8099", "8098").replace("/tmp/posted", "/tmp/phone"))
    agent.sh("rm -f /tmp/phone; systemd-run -q --collect --unit=t-phone python3 /srv/phone.py")
    configure(agent, config)
    yield agent
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


class TestLimits:
    def test_a_memory_hog_and_a_fork_bomb_leave_the_others_alone(self, site: Repository) -> None:
        host = site.host
        before = json.loads(host.out("cat /etc/nuwa/config.json"))
        write(host, "/srv/hog.py", "held = []\nwhile True:\n    held.append(bytearray(1 << 20))\n")
        write(host, "/srv/bomb.sh", "bomb() { bomb | bomb & }\nbomb\nsleep 1000\n")
        document = {
            **before,
            "limits": {"memory_max": "1G", "pids": 2000},
            "processes": {
                **before["processes"],
                "hog": {"script": "/srv/hog.py", "limits": {"memory_max": "64M", "cpu": 0.5}},
                "bomb": {"script": "/srv/bomb.sh", "limits": {"pids": 40, "cpu": 0.5}},
            },
        }
        with visitors(host, "web.test") as said:
            configure(host, document)
            eventually(lambda: (listing(host)["hog"]["restarts"] or 0) >= 2, "the hog was ended twice")
            tasks = host.out("systemctl show -p TasksCurrent --value nuwa@bomb-blue")
            assert int(tasks) <= 40
            assert "status=9/KILL" in host.out("journalctl -o cat -u nuwa@hog-blue | tail -20")
            host.sh("nuwa stop hog bomb")
        assert [text.split()[1] for text in said] == ["0", "0"], said
        assert host.out("pgrep -fc '/srv/[b]omb' || :") == "0"
        configure(host, before)


SEARCH = """set -u
# What any user of the host can read: command lines, environments, units, the bus, the journal, and files.
# The word is in a file of root's, so that the search does not find itself.
cd /
as() { runuser -u nobody -- "$@" 2>/dev/null; }
find_in() { grep -aF -f /root/word | cut -c 1-300 | sed "s/^/$1: /"; }
as sh -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ' | find_in processes
as systemctl show --all '*' | find_in systemd
systemctl cat 'nuwa*' 2>/dev/null | find_in unit
journalctl -q -b -o json --all | find_in journal
as find /etc /run /srv /tmp /var /opt -xdev -type f -size -4M -readable -print0 |
  xargs -0 grep -lF -f /root/word | sed 's/^/file: /'
exit 0
"""


class TestSecrets:
    def test_of_hooks_and_processes_are_read_by_no_user_of_the_host(self, site: Repository) -> None:
        """While both run: in no command line, unit, answer of the bus, line of the journal, or open file."""
        host = site.host
        before = json.loads(host.out("cat /etc/nuwa/config.json"))
        odd = 'a "b" $c `d` \\ %n\\nnext\nline é'
        show = 'printf %s "$ODD" | base64 -w0; echo; test "$TOKEN" && echo has it; '
        show += "until test -e /tmp/seen; do sleep 0.1; done"
        document = {
            **before,
            "env": {**before["env"], "shared": "top-SECRET-0"},
            "processes": {
                **before["processes"],
                "keeper": {
                    "script": "/srv/keeper.sh",
                    "env": {"KEY": "process-SECRET-1", "SHARED": "${shared}", "ODD": odd},
                },
            },
            "webhooks": {
                "site": {
                    **before["webhooks"]["site"],
                    "commands": [["sh", "-c", show]],
                    "env": {"TOKEN": "hook-SECRET-2", "SHARED": "${shared}", "ODD": odd},
                }
            },
        }
        keeper = '#!/bin/sh\numask 077\nprintf %s "$ODD" >/srv/keeper.odd\ntest "$KEY" && exec sleep 100000\n'
        write(host, "/srv/keeper.sh", keeper, "755")
        host.sh("rm -f /tmp/seen")
        configure(host, document)
        run = json.loads(host.out("nuwa hooks run site --json"))["run"]
        try:
            eventually(lambda: "has it" in host.out(f"nuwa hooks show {run}"), "the command runs")
            assert listing(host)["keeper"]["status"] == "running"
            write(host, "/root/search", SEARCH, "700")
            for secret in ("SECRET-0", "SECRET-1", "SECRET-2"):
                host.sh(f"umask 077; printf %s {secret[:4]}''{secret[4:]} >/root/word")
                assert host.out("bash /root/search") == ""
        finally:
            host.sh("touch /tmp/seen")
        lines = finished(host, run)["lines"]
        (printed,) = [line["output"] for line in lines if line["command"].startswith("sh -c")]
        assert base64.b64decode(printed.split()[0]).decode() == odd
        assert host.out("base64 -w0 /srv/keeper.odd") == base64.b64encode(odd.encode()).decode()
        assert host.out("ls /run/nuwa/hook-env") == ""
        configure(host, before)
        assert host.out("ls /var/lib/nuwa/agent/env") == ""


class TestKills:
    def test_of_each_part_lose_no_run_and_no_request(self, site: Repository) -> None:
        host = site.host
        with visitors(host, "web.test") as said:
            commit = site.push("after the kill")
            _, answer = deliver(host, "site", "github", push_body(commit))
            for unit in ("nuwa-ci", "nuwa-log", "nuwa-ci", "systemd-journald"):
                host.sh(f"systemctl kill -s KILL {unit}")
                host.sh(f"until systemctl is-active --quiet {unit}; do sleep 0.2; done")
            assert finished(host, answer["run"])["state"] == "ok"
            assert site.page() == "after the kill"
        assert [text.split()[1] for text in said] == ["0", "0"], said

    def test_of_the_router_and_of_a_process_are_mended_at_once(self, site: Repository) -> None:
        host, before = site.host, site.page()
        for unit in (
            "nginx",
            host.out("systemctl list-units --plain --no-legend 'nuwa@web-*' | awk '{print $1}'"),
        ):
            host.sh(f"systemctl kill -s KILL {unit}")
            eventually(lambda: site.page() == before, f"the site is back after a kill of {unit}")


class TestWithoutTheAgent:
    """systemd and the journal are the truth: what is needed in trouble needs no agent."""

    @pytest.fixture(autouse=True)
    def stopped(self, site: Repository) -> Iterator[None]:
        site.host.sh("systemctl stop nuwa-ci.socket nuwa-webhooks.socket nuwa-ci")
        yield
        site.host.sh("systemctl start nuwa-ci.socket nuwa-webhooks.socket nuwa-ci")

    def test_ls_stop_start_restart_and_log_work(self, site: Repository) -> None:
        host, page = site.host, site.page()
        assert "The agent is down" in host.sh("nuwa ls 2>&1").stdout
        assert listing(host)["web"]["status"] == "running"
        assert "web: stopped" in host.out("nuwa stop web")
        assert listing(host)["web"]["status"] == "stopped"
        away = host.out("curl -skI --resolve web.test:443:127.0.0.1 https://web.test/").lower()
        assert " 503" in away.splitlines()[0]
        assert "retry-after: 10" in away
        assert "web: started" in host.out("nuwa start web")
        assert "took over" in host.out("nuwa restart web")
        assert site.page() == page
        assert "Stop" in host.out("nuwa log web -n 20")
        assert json.loads(host.out("nuwa log web -n 3 --json"))["lines"]
        assert "checks" in json.loads(host.out("nuwa monitor --json"))

    def test_a_shell_completes_names(self, site: Repository) -> None:
        ask = "_NUWA_COMPLETE=complete_bash COMP_WORDS='nuwa restart {}' COMP_CWORD=2 nuwa"
        assert site.host.out(ask.format("w")) == "web"
        assert {"web", "ci", "dashboard", "router", "log"} <= set(site.host.out(ask.format("")).split())

    def test_a_wrong_name_is_answered_with_the_nearest_right_one(self, site: Repository) -> None:
        for verb in ("start", "stop", "restart", "log"):
            done = site.host.sh(f"nuwa {verb} webb 2>&1", check=False)
            assert done.code != 0
            assert "did you mean web?" in done.stdout


class TestTheMonitor:
    def test_restarts_what_hangs_and_tells_by_mail_and_webhook_once(self, site: Repository) -> None:
        host, page = site.host, site.page()
        before = json.loads(host.out("cat /etc/nuwa/config.json"))
        write(host, "/srv/receiver.py", RECEIVER)
        host.sh(
            "systemctl stop t-mail t-hook 2>/dev/null; rm -f /tmp/posted /tmp/mails;"
            "systemd-run -q --collect --unit=t-mail -p StandardOutput=append:/tmp/mails -E PYTHONUNBUFFERED=1"
            " python3 -m aiosmtpd -n -c aiosmtpd.handlers.Debugging stdout -l 127.0.0.1:8025;"
            "systemd-run -q --collect --unit=t-hook python3 /srv/receiver.py"
        )
        web = before["processes"]["web"]
        document = {
            **before,
            "processes": {"web": {**web, "health": {"path": "/", "interval": 1, "retries": 2, "timeout": 1}}},
            "monitor": {
                "interval": 1,
                "mail": {
                    "to": ["root@lab.test"],
                    "sender": "nuwa@lab.test",
                    "server": "127.0.0.1",
                    "port": 8025,
                },
                "webhook": "http://127.0.0.1:8099/",
            },
        }
        configure(host, document)
        unit = host.out("systemctl list-units --plain --no-legend 'nuwa@web-*' | awk '{print $1}'")
        host.sh(f"systemctl kill -s STOP {unit}")
        try:
            eventually(lambda: site.page() == page, "the hanging process is replaced", seconds=90)
            eventually(lambda: "restarted" in host.out("cat /tmp/posted"), "the webhook was told", seconds=60)
            eventually(lambda: "answer web" in host.out("cat /tmp/mails"), "a mail was sent", seconds=60)
            alerts = json.loads(host.out("nuwa monitor --json"))["alerts"]
            (told,) = [alert for alert in alerts if alert["check"] == "answer web" and alert["action"]]
            assert "gave no answer" in told["message"]
            assert "restarted" in told["action"]
            assert host.out("grep -c ^Subject: /tmp/mails") <= "4", "no storm"
        finally:
            configure(host, before)
            host.sh("systemctl stop t-mail t-hook")


WRITTEN_LINES, WRITERS = 10_000, 5


@dataclass(frozen=True)
class Plain:
    """The host as the benchmarks see theirs."""

    host: LabHost

    def sh(self, script: str, timeout: float = 300) -> str:
        return self.host.sh(script, timeout=timeout).stdout.strip()

    def write(self, path: str, text: str, mode: str = "644") -> None:
        write(self.host, path, text, mode)

    def configure(self, document: dict[str, Any]) -> None:
        configure(self.host, {"routes": ROUTES, **document})


class TestTheLog:
    def test_loses_no_line_when_each_of_its_parts_is_restarted(self, agent: LabHost) -> None:
        host = Plain(agent)
        agent_log.begin(host, WRITERS, WRITTEN_LINES)
        for _ in range(3):
            for unit in ("systemd-journald", "nuwa-log", "nuwa-ci"):
                agent.sh(f"systemctl restart {unit}")
        eventually(lambda: agent_log.is_done(host, WRITERS), "the lines are written", seconds=180)
        assert agent_log.missing(host, WRITERS, WRITTEN_LINES) == 0

    def test_shows_long_lines_whole(self, agent: LabHost) -> None:
        script = """import time
for length in (5_000, 100_000, 300_000):
    print("x" * length + "END", flush=True)
time.sleep(100_000)
"""
        write(agent, "/srv/wordy.py", script)
        configure(agent, {"routes": ROUTES, "processes": {"wordy": {"script": "/srv/wordy.py"}}})

        def lengths() -> list[int]:
            lines = json.loads(agent.out("nuwa log wordy --json"))["lines"]
            return [len(line["text"]) for line in lines if line["text"].endswith("END")]

        eventually(lambda: lengths() == [5_003, 100_003, 300_003], "the lines are shown")
        whole = "awk '/END$/ && length($0) > 100000 {n++} END {print n + 0}' /var/log/nuwa/wordy.log"
        eventually(lambda: agent.out(whole) == "1", "the file holds the one of 100,000 characters whole")
        configure(agent, {"routes": ROUTES})

    def test_waits_on_disk_for_another_server_and_then_sends_everything(self, agent: LabHost) -> None:
        agent.sh(SYSLOG)
        forward = {"host": "127.0.0.1", "port": 6599, "name": "logs.test", "ca": "/srv/syslog/ca.pem"}
        configure(agent, {"routes": ROUTES, "log": {"forward": forward}})
        agent.sh("logger -t before the first line")
        eventually(lambda: "the first line" in agent.out("cat /srv/syslog/received.log"), "lines arrive")
        agent.sh("systemctl kill -s KILL t-syslog; sleep 1")
        agent.sh("for n in $(seq 2000); do echo waiting $n; done | logger -t waiting")
        agent.sh("systemctl restart nuwa-log; sleep 1; systemctl stop t-syslog 2>/dev/null; true")
        agent.sh(SYSLOG)

        def arrived() -> bool:
            found = agent.out("grep -o 'waiting [0-9]*$' /srv/syslog/received.log | sort -u | wc -l")
            return found == "2000"

        try:
            eventually(arrived, "what waited arrives", seconds=120)
        finally:
            configure(agent, {"routes": ROUTES})
            agent.sh("systemctl stop t-syslog")

    def test_is_cut_off_at_its_size_and_the_older_part_is_kept(self, agent: LabHost) -> None:
        write(agent, "/srv/chatty.sh", "#!/bin/sh\nseq 200000\nexec sleep 1000000\n", "755")
        process = {"script": "/srv/chatty.sh"}
        log = {"service_size": "1M", "service_files": 3}
        configure(agent, {"routes": ROUTES, "processes": {"chatty": process}, "log": log})
        eventually(lambda: int(agent.out("stat -c %s /var/log/nuwa/chatty.log")) > 1 << 20, "the file grows")
        agent.sh("systemctl start nuwa-log-rotate")
        assert agent.out("ls /var/log/nuwa/chatty.log*").split() != ["/var/log/nuwa/chatty.log"]
        configure(agent, {"routes": ROUTES})
