"""The site's configuration in this machine's own nginx, in front of a small server."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from unit.render.sample import FACTS

from nuwa.manifest.model import App, AppSection, Server
from nuwa.manifest.site import Static
from nuwa.render import facts, static
from nuwa.render.render import render
from nuwa.resources import TEMPLATES

DOMAIN = "blog.example.com"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
KEPT = "public, max-age=31536000, immutable"
ASKED = "public, no-cache"


class Application(BaseHTTPRequestHandler):
    """Answers with a header as long as the query says."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Long", "x" * int(self.path.partition("?")[2] or 0))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, *words: object) -> None:
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@dataclass
class Site:
    plain: int
    tls: int
    root: Path

    def get(
        self, path: str, *, plain: bool = False, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask nginx, with headers whose `_` are `-`."""
        context = ssl._create_unverified_context()
        connection = (
            http.client.HTTPConnection("127.0.0.1", self.plain, timeout=20)
            if plain
            else http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=20, context=context)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"Host": DOMAIN, **sent})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    def release(self, name: str, files: dict[str, bytes]) -> None:
        """Bring static files of an image, which all have one time, to the host and serve them."""
        image = self.root.parent / f"image-{name}"
        for path, content in files.items():
            (image / path).parent.mkdir(parents=True, exist_ok=True)
            (image / path).write_bytes(content)
            os.utime(image / path, (1_700_000_000, 1_700_000_000))
        made = io.BytesIO()
        static.pack(image, made)
        (self.root / name).mkdir()
        unpack = ["tar", "-xpf", "-", "-C", self.root / name, "--no-same-owner"]
        subprocess.run(unpack, input=made.getvalue(), check=True)
        (self.root / "new").symlink_to(name)
        (self.root / "new").rename(self.root / "current")
        # nginx keeps an open file for a second.
        time.sleep(1.2)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def configuration(folder: Path, plain: int, tls: int) -> str:
    """What `bin/install` would write, on other ports and with other paths of the host."""
    app = App(AppSection("blog"), Server("blog.wsgi:application"), static=Static("static"))
    version = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    number = re.findall(r"\d+\.\d+\.\d+", version)[0]
    certificate = {"certificate": f"{folder}/chain.pem", "key": f"{folder}/key.pem", "self_signed": True}
    read = facts.read(facts_json(directory=str(folder), nginx=number, tls=certificate, ipv6=False))
    text = next(
        file.content
        for file in render("install", app, read, str(TEMPLATES)).values()
        if file.group == "nginx"
    )
    text = text.replace(app.names.current_socket, f"{folder}/app.sock").replace(app.names.access_log, "off")
    text = re.sub(r"listen 80;", f"listen 127.0.0.1:{plain};", text)
    return re.sub(r"listen 443 ", f"listen 127.0.0.1:{tls} ", text)


def facts_json(**changes: object) -> str:
    import json

    return json.dumps({**FACTS, "domains": [DOMAIN], **changes})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    # nginx's workers are another user.
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    plain, tls = free_port(), free_port()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={DOMAIN}", "-keyout", folder / "key.pem", "-out", folder / "chain.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "site.conf").write_text(configuration(folder, plain, tls))
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\n  include /etc/nginx/mime.types;\n  access_log off;\n  include {folder}/site.conf;\n}}\n"
    )
    root = folder / "volumes/static"
    root.mkdir(parents=True)
    with UnixServer(f"{folder}/app.sock", Application) as server:
        Path(f"{folder}/app.sock").chmod(0o777)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nginx = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])
        try:
            found = Site(plain, tls, root)
            wait_for(lambda: found.get("/")[0] == 200)
            yield found
        finally:
            nginx.terminate()
            nginx.wait(20)
            server.shutdown()


def wait_for(test) -> None:
    for _ in range(200):
        try:
            if test():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("nginx does not answer")


def test_a_static_file_that_changed_and_kept_its_length_is_sent_again(site: Site) -> None:
    """Also where a browser or a proxy asks by time alone, and for the copy that is compressed already."""
    big = b"a{color:red }" * 200
    site.release("one", {"site.css": big, "site.css.gz": b"one", "same.css": b"same"})
    asked = {"site.css": {}, "same.css": {}, "compressed": {"Accept_Encoding": "gzip"}}
    first = {}
    for name, headers in asked.items():
        path = "/static/site.css" if name == "compressed" else f"/static/{name}"
        status, got, _ = site.get(path, **headers)
        assert status == 200
        first[name] = (path, headers, got)
        for again in conditions(got):
            assert site.get(path, **headers, **again)[0] == 304
    site.release(
        "two", {"site.css": big.replace(b"red ", b"blue"), "site.css.gz": b"two", "same.css": b"same"}
    )
    for name, (path, headers, got) in first.items():
        for again in conditions(got):
            assert site.get(path, **headers, **again)[0] == (304 if name == "same.css" else 200), name


def conditions(got: http.client.HTTPMessage) -> list[dict[str, str]]:
    return [{"If_None_Match": got["ETag"]}, {"If_Modified_Since": got["Last-Modified"]}]


def test_only_files_whose_name_changes_with_their_content_are_kept_for_ever(site: Site) -> None:
    files = {
        "assets/index-B9_478Dj.js": KEPT,
        "assets/index-Xa3onzW1.css": KEPT,
        "main.87050cb60993f42d95ea.js": KEPT,
        "css/base.27e20196a850.css": KEPT,
        "report-20240131.txt": ASKED,
        "fonts/Inter-SemiBold.woff2": ASKED,
        "site.css": ASKED,
    }
    site.release("names", {name: name.encode() for name in files})
    for name, kept in files.items():
        status, got, body = site.get(f"/static/{name}")
        assert (status, got["Cache-Control"], body) == (200, kept, name.encode())
        status, got, _ = site.get(f"/static/{name}", If_None_Match=got["ETag"])
        assert (status, got["Cache-Control"]) == (304, kept)
    # Files of before nuwa gave them times, or that somebody copied by hand.
    os.utime(site.root / "current/main.87050cb60993f42d95ea.js")
    time.sleep(1.2)
    assert site.get("/static/main.87050cb60993f42d95ea.js")[1]["Cache-Control"] == ASKED


def test_a_response_may_have_sixty_thousand_bytes_of_headers(site: Site) -> None:
    status, got, body = site.get("/?60000")
    assert (status, len(got["X-Long"]), body) == (200, 60000, b"ok")


def test_a_proxy_that_ends_tls_and_comes_in_plain_is_told_instead_of_sent_back_for_ever(site: Site) -> None:
    status, got, _ = site.get("/a?b", plain=True)
    assert (status, got["Location"]) == (301, f"https://{DOMAIN}/a?b")
    assert site.get("/", plain=True, X_Forwarded_Proto="http")[0] == 301
    for words in ("https", "HTTPS", "https, http"):
        status, got, body = site.get("/", plain=True, X_Forwarded_Proto=words)
        assert (status, got["Location"]) == (508, None)
        assert b"port 443" in body
    assert site.get("/", X_Forwarded_Proto="https")[0] == 200
