"""What monit and nginx do with the files when nobody serves: the real programs run them."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from golden_case import ALL, Case
from test_host_files import run, tool

WAIT_S = 60
CASES = {case.folder.name: case for case in ALL}
MINIMAL, SITE = CASES["minimal"], CASES["debian12-old"]


def group(case: Case, name: str) -> str:
    return "".join(
        file.content for path, file in case.plan.items() if file.group == name and "http3" not in path
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def eventually(check: Callable[[], object], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < end, f"{what}: not within {WAIT_S} s"
        time.sleep(0.1)


@contextlib.contextmanager
def running(*command: str | Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def monit(tmp_path: Path) -> Callable[[], contextlib.AbstractContextManager[subprocess.Popen[bytes]]]:
    """Starts monit with the check of an app where nobody listens; it calls a script that writes `called`."""
    case = MINIMAL
    folder = tmp_path / "my site"
    (folder / "bin/lib").mkdir(parents=True)
    (folder / "bin/lib/recover").write_text(f"echo called >>'{tmp_path}/called'\n")
    text = group(case, "monit").replace(f"'{case.facts.directory}/", f"'{folder}/")
    # There need be no systemd here, which runs the script on a host.
    text = re.sub(r"/usr/bin/systemd-run \S.*? (?=/bin/bash)", "", text)
    text = re.sub(rf"port {case.facts.port}\b", f"port {free_port()}", text)
    control = tmp_path / "monitrc"
    places = "".join(f"set {name}file {tmp_path}/{name}\n" for name in ("pid", "state", "id"))
    control.write_text(f"set daemon 1\n{places}{text}")
    control.chmod(0o600)
    return lambda: running(tool("monit", "monit"), "-I", "-c", control, log=tmp_path / "log")


def calls(tmp_path: Path) -> int:
    called = tmp_path / "called"
    return called.read_text().count("called") if called.exists() else 0


def test_monit_goes_on_trying_as_long_as_nobody_answers_and_after_a_reload_and_a_restart(
    monit: Callable[[], contextlib.AbstractContextManager[subprocess.Popen[bytes]]], tmp_path: Path
):
    with monit() as process:
        eventually(lambda: calls(tmp_path) >= 3, "monit calls again and again")
        process.send_signal(signal.SIGHUP)
        before = calls(tmp_path)
        eventually(lambda: calls(tmp_path) > before, "monit calls after a reload")
    before = calls(tmp_path)
    with monit():
        eventually(lambda: calls(tmp_path) > before, "monit calls after a restart")
    assert "nmonitor" not in (tmp_path / "log").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Runs nginx with the site; asks for its page, and gives the status line and the headers."""
    case = SITE
    port, link = free_port(), tmp_path / "current"
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    made = run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", "/CN=test", "-keyout", key, "-out", certificate),
    )
    assert made.returncode == 0, made.stderr
    text = group(case, "nginx").replace(case.app.names.current_socket, str(link))
    text = text.replace(case.app.names.spare_socket, str(tmp_path / "spare"))
    tls = case.facts.tls
    assert tls is not None
    text = text.replace(tls.certificate, str(certificate)).replace(tls.key, str(key))
    text = re.sub(r"listen (\[::\]:)?443 quic[^;]*;", "", text)
    text = re.sub(r"listen \[::\]:\d+[^;]*;", "", text)
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = text.replace(case.app.names.access_log, str(tmp_path / "access.log"))
    (tmp_path / "site.conf").write_text(text)
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"daemon off; user root; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;\n"
        f"events {{}}\nhttp {{ include {tmp_path}/site.conf; }}\n"
    )
    domain = case.facts.domains[0]

    def ask() -> str:
        asked = run(
            *("curl", "--silent", "--insecure", "--http1.1", "--head", "--max-time", "10"),
            *("--resolve", f"{domain}:{port}:127.0.0.1", f"https://{domain}:{port}/"),
        )
        return asked.stdout

    with running(tool("nginx", "nginx"), "-c", conf, log=tmp_path / "log"):
        eventually(lambda: "HTTP/1.1" in ask(), "nginx answers")
        yield ask


def test_nobody_serves_is_503_with_a_time_to_come_again_and_a_broken_answer_is_502(
    site: Callable[[], str], tmp_path: Path
):
    answer = site()
    assert answer.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 10" in answer
    slot = tmp_path / "blue.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(slot))
        slot.chmod(0o666)
        (tmp_path / "current").symlink_to(slot)
        # Bound, and nobody listens: as a slot that was killed leaves it.
        assert site().startswith("HTTP/1.1 503 ")
        listening.listen()

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listening.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        answer = site()
        listening.shutdown(socket.SHUT_RDWR)
    assert answer.startswith("HTTP/1.1 502 ")
    assert "Retry-After" not in answer


def test_a_slot_that_is_gone_while_another_is_up_costs_nobody_a_request(
    site: Callable[[], str], tmp_path: Path
):
    def answer(slot: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor = slot.accept()[0]
                visitor.recv(65536)
                visitor.sendall(b"HTTP/1.1 204 No Content\r\nX-Slot: green\r\n\r\n")
                visitor.close()

    with socket.socket(socket.AF_UNIX) as former:
        former.bind(str(tmp_path / "green.sock"))
        (tmp_path / "green.sock").chmod(0o666)
        former.listen()
        threading.Thread(target=answer, args=(former,), daemon=True).start()
        (tmp_path / "spare").symlink_to(tmp_path / "green.sock")
        (tmp_path / "current").symlink_to(tmp_path / "blue.sock")
        assert "X-Slot: green" in site()
        (tmp_path / "spare").unlink()
        assert site().startswith("HTTP/1.1 503 ")
        former.shutdown(socket.SHUT_RDWR)
