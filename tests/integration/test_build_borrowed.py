"""What a build borrows of this machine (mirrors, an index, a certificate) stays in no layer."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from building import Project, project

from nuwa.engine import Engine
from nuwa.image import apt
from nuwa.process import run

PASSWORD = "hunter2-of-the-index"
WHEEL = "nuwa_test_borrowed-1.0-py3-none-any.whl"


def wheel() -> bytes:
    """A package of one module, which no public index has."""
    made = io.BytesIO()
    info = "nuwa_test_borrowed-1.0.dist-info"
    files = {
        "nuwa_test_borrowed.py": "VALUE = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: nuwa-test-borrowed\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


CREDENTIALS = f"Basic {base64.b64encode(f'me:{PASSWORD}'.encode()).decode()}"


class Mirror(BaseHTTPRequestHandler):
    """This machine's Debian archives under other addresses, and an index that wants a password."""

    archives: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []
    wheel = wheel()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        place = self.path.split("/", 2)[1]
        if place in self.archives:
            self._pass_on(self.archives[place] + self.path.removeprefix(f"/{place}"))
        elif self.headers.get("Authorization") != CREDENTIALS:
            self._answer(401, b"", ("WWW-Authenticate", "Basic"))
        elif self.path.endswith(WHEEL):
            self._answer(200, self.wheel)
        elif self.path == "/simple/nuwa-test-borrowed/":
            link = f'<a href="/files/{WHEEL}#sha256={hashlib.sha256(self.wheel).hexdigest()}">x</a>'
            self._answer(200, link.encode(), ("Content-Type", "text/html"))
        else:
            self._answer(404, b"")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _pass_on(self, address: str) -> None:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                self._answer(200, answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, b"")

    def _answer(self, code: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in (*headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the mirror, which this machine is told to use; nothing was downloaded before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = [line.split() for line in apt.sources("trixie")]
    assert lines, "this machine knows no Debian archive: set NUWA_APT_MIRROR"
    Mirror.archives = {f"archive-{suite}": address for _, address, suite, _ in lines}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    own = [f"deb http://{address}/archive-{suite} {suite} main" for _, _, suite, _ in lines]
    monkeypatch.setenv("NUWA_APT_MIRROR", "\n".join(own))
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://me:{PASSWORD}@{address}/simple")
    yield address
    server.shutdown()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An authority that only this machine trusts: one line of it."""
    made = tmp_path / "authority.crt"
    subject = ("-subj", "/CN=Nuwa Test Authority", "-days", "2", "-nodes")
    files = ("-keyout", tmp_path / "key", "-out", made)
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, *files])
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(Path("/etc/ssl/certs/ca-certificates.crt").read_text() + made.read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    return made.read_text().splitlines()[5]


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[Project]:
    with project(engine, tmp_path / "shop", "borrowed") as made:
        yield made


def test_nothing_that_was_borrowed_is_in_the_image(shop: Project, mirror: str, certificate: str) -> None:
    shop.write("requirements.txt", "nuwa-test-borrowed==1.0\n")
    shop.replace("nuwa.toml", 'family = "debian"', 'family = "debian"\npackages = ["hello"]')
    shop.build()
    assert shop.sh(
        "hello && /opt/nuwa/venv/bin/python -c 'import nuwa_test_borrowed as x; print(x.VALUE)'"
    ) == ("Hello, world!\n42\n")
    assert any(path.endswith(f"/{WHEEL}") for path in Mirror.asked)
    assert any("/pool/main/h/hello/" in path for path in Mirror.asked)

    places = "/bin /boot /command /etc /home /init /lib /media /mnt /opt /root /sbin /srv /usr /var"
    for secret in (mirror, PASSWORD, certificate, "Nuwa Test Authority"):
        assert shop.sh(f"grep -rlaF -e '{secret}' {places} 2>&-; true") == "", secret
    image = shop.image()
    assert image is not None
    described = json.dumps(dict(image.data))
    for secret in (mirror, PASSWORD, certificate, "apt.conf", "uv.toml"):
        assert secret not in described, secret


def test_where_packages_came_from_does_not_count_as_an_input(
    shop: Project, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same project built with another index is the same image."""
    shop.write("requirements.txt", "nuwa-test-borrowed==1.0\n")
    first = shop.build()
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://elsewhere.example/simple")
    again = shop.build()
    assert [layer.name for layer in again.layers if not layer.cached] == []
    assert again.id == first.id
