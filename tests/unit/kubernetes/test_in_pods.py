"""What pods run before their app: claims get their first content, and the release hook is waited for."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from nuwa.kubernetes import first_content, release_gate, secret_values
from nuwa.kubernetes.options import ExportError


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    (folder / "b/c").mkdir(parents=True)
    (folder / "a").write_text("one")
    (folder / "b/c/d").write_text("two")
    (folder / "link").symlink_to("/nowhere")
    return folder


def test_an_empty_claim_gets_the_image_s_content_once(image: Path, tmp_path: Path):
    claim = tmp_path / "claim"
    (claim / "lost+found").mkdir(parents=True)
    assert first_content.fill(image, claim)
    assert tree(claim) == tree(image) == {"a": "one", "b/c/d": "two", "link": "/nowhere"}
    (claim / "a").write_text("the app's")
    (claim / "link").unlink()
    assert not first_content.fill(image, claim)
    assert tree(claim) == {"a": "the app's", "b/c/d": "two"}


def test_what_was_interrupted_is_done_again(image: Path, tmp_path: Path):
    claim = tmp_path / "claim"
    (claim / first_content.HALF_DONE / "b").mkdir(parents=True)
    (claim / "b").mkdir()
    (claim / "b/half").write_text("x")
    assert first_content.fill(image, claim)
    assert tree(claim) == tree(image)


def test_a_claim_that_cannot_be_filled_stops_the_pod_with_a_reason(image: Path, tmp_path: Path):
    with pytest.raises(SystemExit, match="missing"):
        first_content.main([f"{image}={tmp_path}/missing"])
    first_content.main([f"{tmp_path}/nothing here={image}"])


def answers(*states: object):
    left = list(states)

    def ask() -> object:
        state = left.pop(0)
        if isinstance(state, Exception):
            raise state
        return state

    return ask


def job(**status: object) -> dict[str, object]:
    return {"kind": "Job", "status": status}


def ended(kind: str) -> dict[str, object]:
    return job(conditions=[{"type": kind, "status": "True"}])


def test_a_pod_waits_until_the_job_has_succeeded(capsys: pytest.CaptureFixture[str]):
    forbidden = {"kind": "Status", "message": 'jobs.batch "j" not found'}
    pauses: list[float] = []
    ask = answers(OSError("no route"), forbidden, job(), job(active=1), ended("Complete"))
    assert release_gate.wait(ask, "j", pause=pauses.append) is None
    assert len(pauses) == 4
    said = capsys.readouterr().err
    assert 'jobs.batch "j" not found' in said
    assert "no route" in said
    assert said.count("has not finished yet") == 1


def test_a_failed_hook_holds_the_pod_back_and_says_where_to_look():
    assert "kubectl logs job/j" in (release_gate.wait(answers(ended("Failed")), "j") or "")


def test_a_limited_wait_ends_with_what_it_last_saw():
    times = iter(range(0, 1000, 50))
    failure = release_gate.wait(lambda: job(), "j", 120, pause=lambda _: None, clock=lambda: next(times))
    assert failure == "given up after 120 seconds: the Job j has not finished yet"


def test_an_api_that_does_not_answer_is_told_with_the_ports_of_the_policy(
    capsys: pytest.CaptureFixture[str],
):
    ask = answers(OSError("timed out"), ended("Complete"))
    assert release_gate.wait(ask, "j", pause=lambda _: None) is None
    said = capsys.readouterr().err
    assert "timed out. The NetworkPolicy lets pods out to ports 443 and 6443" in said
    assert "kubectl get endpointslices" in said


def test_the_job_is_asked_for_with_the_token_and_over_tls_that_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key, certificate = tmp_path / "key", tmp_path / "ca.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         "/CN=api",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "token").write_text("the-token\n")
    (tmp_path / "namespace").write_text("shops")
    seen = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            body = json.dumps(ended("Complete")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.HTTPServer(("127.0.0.1", 0), Api) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        release_gate.main(["j", str(tmp_path)])
        server.shutdown()
    assert seen == [("/apis/batch/v1/namespaces/shops/jobs/j", "Bearer the-token")]


def test_secrets_come_from_lines_or_from_a_host_s_folder(tmp_path: Path):
    lines = tmp_path / "lines"
    lines.write_bytes(b"# a comment\n\nA=x=y \r\nB=\nC='\xff'\n")
    assert secret_values.read(lines) == {"A": b"x=y ", "B": b"", "C": b"'\xff'"}
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "A").write_bytes(b"one\ntwo\n\n")
    (folder / ".hidden").write_text("x")
    assert secret_values.read(folder) == {"A": b"one\ntwo\n"}
    lines.write_text("A = 1\n")
    with pytest.raises(ExportError, match="line 1: write NAME=VALUE"):
        secret_values.read(lines)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_generated_secrets_are_made_up_once(kind: str, tmp_path: Path):
    place = tmp_path / "secrets"
    if kind == "folder":
        place.mkdir()
    assert secret_values.keep_generated(place, ["KEY", "OTHER"]) == ["KEY", "OTHER"]
    first = secret_values.read(place)
    assert len(first["KEY"]) >= 48
    assert secret_values.keep_generated(place, ["KEY", "OTHER"]) == []
    assert secret_values.read(place) == first
    written = place / "KEY" if kind == "folder" else place
    assert written.stat().st_mode & 0o777 == 0o600
