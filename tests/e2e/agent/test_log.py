"""The agent's log on a real host: no line is lost, and none takes the disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchmarks import agent_log
from e2e.agent_site import ROUTES, SYSLOG, configure, write
from e2e.conftest import LabHost, eventually

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
