"""The lab itself, on this machine's podman."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest

from e2e.conftest import ROOT, eventually
from nuwa.console import Quiet
from nuwa.engine import Engine
from nuwa.errors import BusyError, LabError
from nuwa.lab import hosts, lifecycle, ports
from nuwa.lab.model import HTTPS, Lab
from nuwa.lock import only_one
from nuwa.process import Result, run
from two_hosts.conftest import PAIR

TOOLS = (
    "podman systemctl nginx monit cron rsyslogd logrotate certbot pebble borg sshd psql jq curl openssl"
    " setfacl setfattr zstd"
)
ISSUED = "/etc/letsencrypt/live/app.lab.test/cert.pem"
ACME = """
set -e
mkdir -p /var/www/acme
echo 'server { listen 80 default_server; root /var/www/acme; }' >/etc/nginx/conf.d/acme.conf
nginx -s reload
systemctl start pebble
until curl -sf https://localhost:14000/dir; do sleep 0.1; done
certbot certonly --non-interactive --agree-tos --email a@lab.test --domain app.lab.test \\
  --server https://localhost:14000/dir --webroot --webroot-path /var/www/acme
"""


def nuwa(*words: str, check: bool = True, input: str | None = None) -> Result:
    argv = [sys.executable, "-m", "nuwa", *words]
    return run(argv, check=check, input=input, cwd=ROOT, env={"NUWA_LAB": PAIR.name}, timeout=300)


def status() -> list[dict[str, object]]:
    return list(json.loads(nuwa("lab", "status", "--json").stdout)["hosts"])


@pytest.mark.usefixtures("pair")
class TestTwoHosts:
    def test_each_has_what_a_prepared_host_has(self) -> None:
        for host in ("host1", "host2"):
            nuwa(
                "lab",
                "exec",
                host,
                "--",
                "sh",
                "-c",
                f"for tool in {TOOLS}; do command -v $tool || exit 1; done",
            )
        units = "nginx monit cron rsyslog ssh postgresql"
        assert set(nuwa("lab", "exec", "--", "systemctl", "is-active", *units.split()).stdout.split()) == {
            "active"
        }

    def test_they_leave_the_machines_emulators_of_other_processors_alone(self) -> None:
        """The kernel has one list of them, which systemd-binfmt empties when it starts and stops."""
        for host in ("host1", "host2"):
            nuwa("lab", "exec", host, "--", "test", "!", "-e", "/proc/sys/fs/binfmt_misc/register")

    def test_they_reach_each_other_by_name_and_log_in_without_a_question(self) -> None:
        there_and_back = [
            "ssh",
            "-o",
            "BatchMode=yes",
            "host2.lab.test",
            "ssh -o BatchMode=yes host1 hostname",
        ]
        assert nuwa("lab", "exec", "host1", "--", *there_and_back).stdout.strip() == "host1"

    def test_a_container_runs_on_a_host_with_a_published_port(self, engine: Engine) -> None:
        nuwa("lab", "copy", "localhost/app/debian-bootstrap:13")
        published = "podman run --rm -p 127.0.0.1:9000:80 localhost/app/debian-bootstrap:13 echo inside"
        assert nuwa("lab", "exec", "--", "sh", "-c", published).stdout.strip() == "inside"

    def test_an_image_that_is_there_is_not_copied_again(self) -> None:
        nuwa("lab", "copy", "localhost/app/debian-bootstrap:13")
        again = nuwa("lab", "copy", "localhost/app/debian-bootstrap:13", "--json")
        assert json.loads(again.stdout)["copied"] is False

    def test_input_and_exit_code_pass_through_exec(self) -> None:
        result = nuwa("lab", "exec", "host2", "--", "sh", "-c", "cat; exit 7", input="zwölf\n", check=False)
        assert (result.code, result.stdout) == (7, "zwölf\n")

    def test_up_again_leaves_everything_alone(self, engine: Engine) -> None:
        def started() -> list[object]:
            names = [state.host.container for state in hosts.states(engine, PAIR)]
            return [
                engine.podman("inspect", "--format", "{{.State.StartedAt}}", name).stdout for name in names
            ]

        before, known = started(), status()
        nuwa("lab", "up")
        assert (started(), status()) == (before, known)

    def test_a_stopped_host_says_so_and_up_starts_it_with_its_disk_and_its_ports(
        self, engine: Engine
    ) -> None:
        """As after a restart of the machine."""
        nuwa("lab", "exec", "--", "touch", "/srv/kept")
        before = status()
        engine.podman("stop", "--time", "5", PAIR.host(1).container)
        assert [host["state"] for host in status()] == ["stopped", "running"]
        refused = nuwa("lab", "exec", "--", "true", check=False)
        assert refused.code == LabError.exit_code
        assert "nuwa lab up" in refused.stderr
        nuwa("lab", "up")
        assert status() == before
        nuwa("lab", "exec", "--", "test", "-e", "/srv/kept")

    def test_its_acme_server_issues_certificates(self) -> None:
        nuwa("lab", "exec", "--", "bash", "-c", ACME)
        shown = nuwa(
            "lab", "exec", "--", "openssl", "x509", "-noout", "-checkhost", "app.lab.test", "-in", ISSUED
        )
        assert "does match certificate" in shown.stdout


def test_a_second_command_is_told_that_the_first_is_at_work(engine: Engine) -> None:
    with only_one(PAIR.label, "busy"), pytest.raises(BusyError, match="works on this lab"):
        lifecycle.up(engine, Quiet(), PAIR)


def test_an_interrupted_up_is_carried_on_by_the_next(engine: Engine) -> None:
    argv = [sys.executable, "-m", "nuwa", "lab", "up", "--lab", "e2eint"]
    lab = Lab("e2eint")
    try:
        begun = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE)
        eventually(lambda: hosts.states(engine, lab), "the host is being made")
        begun.send_signal(signal.SIGINT)
        assert begun.wait(timeout=30) == 130
        (state,) = lifecycle.up(engine, Quiet(), lab)
        assert state.state == "running"
    finally:
        lifecycle.down(engine, Quiet(), lab)
    assert hosts.states(engine, lab) == []
    assert not engine.podman("volume", "exists", lab.host(1).volume, check=False).ok
    assert not engine.podman("network", "exists", lab.network, check=False).ok


def test_a_port_that_somebody_takes_in_the_last_moment_is_left_to_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """podman refuses it, and the next one is tried."""
    lab = Lab("e2eport")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(ports, "ASIDE", {HTTPS: taken})
        monkeypatch.setattr(ports, "is_free", lambda port: True)
        try:
            (made,) = lifecycle.up(engine, Quiet(), lab)
            assert made.ports[HTTPS] == taken + 1
        finally:
            lifecycle.down(engine, Quiet(), lab)
