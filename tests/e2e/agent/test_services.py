"""Services of a real host in trouble: limits, secrets, kills, the agent away, and what the monitor does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from e2e.agent_site import (
    RECEIVER,
    Repository,
    configure,
    deliver,
    finished,
    listing,
    push_body,
    visitors,
    write,
)
from e2e.conftest import eventually


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
