"""A site of nuwa's in this machine's own nginx, in front of a small server."""

from __future__ import annotations

import dataclasses
import http.client
import io
import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from nuwa.manifest.model import App
from nuwa.render import facts, static
from nuwa.render.render import render
from nuwa.resources import TEMPLATES
from unit.render.sample import FACTS

DOMAIN = "blog.example.com"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
MODULES = ["http_v2_module", "http_gzip_static_module", "http_realip_module"]


class Application(BaseHTTPRequestHandler):
    """Answers with what it was asked: the path and the headers. `?NUMBER` adds a header of that length."""

    def do_GET(self) -> None:
        size = self.path.partition("?")[2]
        self.send_response(200)
        self.send_header("X-Long", "x" * int(size if size.isdigit() else 0))
        self.send_header("X-Frame-Options", "ALLOW-OF-THE-APP")
        self.send_header("X-Powered-By", "the app")
        seen = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"path": self.path, "method": self.command, **seen}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, *words: object) -> None:
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


Answer = tuple[int, http.client.HTTPMessage, bytes]


@dataclass
class Site:
    """A running site.

    Args:
        root: the folder with static files of releases.
        folder: the deployment's folder.
    """

    plain: int
    tls: int
    root: Path
    folder: Path

    def get(self, path: str, *, plain: bool = False, **headers: str) -> Answer:
        """Ask nginx, with headers whose `_` are `-`."""
        return self.ask("GET", path, plain=plain, **headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, plain: bool = False, **headers: str
    ) -> Answer:
        context = ssl._create_unverified_context()
        connection = (
            http.client.HTTPConnection("127.0.0.1", self.plain, timeout=20)
            if plain
            else http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=20, context=context)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers={"Host": DOMAIN, **sent})
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, answer.headers, read

    def seen(self, path: str, **headers: str) -> dict[str, str]:
        """What the app was asked."""
        status, _, body = self.get(path, **headers)
        assert status == 200, body
        found: dict[str, str] = json.loads(body)
        return found

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


def configuration(app: App, folder: Path, plain: int, tls: int, domains: list[str], own_lines: str) -> str:
    """What `bin/install` would write, on other ports and with other paths of the host."""
    version = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    number = re.findall(r"\d+\.\d+\.\d+", version)[0]
    certificate = {"certificate": f"{folder}/chain.pem", "key": f"{folder}/key.pem", "self_signed": True}
    changes = {"directory": str(folder), "nginx": number, "tls": certificate, "ipv6": False}
    read = facts.read(json.dumps({**FACTS, "domains": domains, "nginx_modules": MODULES, **changes}))
    read = dataclasses.replace(read, own_lines=own_lines)
    text = next(
        file.content
        for file in render("install", app, read, str(TEMPLATES)).values()
        if file.group == "nginx"
    )
    text = text.replace(app.names.current_socket, f"{folder}/app.sock")
    text = text.replace(app.names.access_log, f"{folder}/access.log")
    text = re.sub(r"listen 80;", f"listen 127.0.0.1:{plain};", text)
    return re.sub(r"listen 443 ", f"listen 127.0.0.1:{tls} ", text)


@contextmanager
def running(folder: Path, app: App, domains: list[str] | None = None, own_lines: str = "") -> Iterator[Site]:
    """The site of an app in nginx, with `Application` behind it; `own_lines` are those of `site.include`."""
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
    (folder / "site.conf").write_text(configuration(app, folder, plain, tls, domains or [DOMAIN], own_lines))
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\n  include /etc/nginx/mime.types;\n  access_log off;\n"
        # The distribution's folder belongs to the user of whichever nginx was started last.
        f"  client_body_temp_path {folder}/bodies;\n  include {folder}/site.conf;\n}}\n"
    )
    root = folder / "volumes/static"
    root.mkdir(parents=True)
    with UnixServer(f"{folder}/app.sock", Application) as server:
        Path(f"{folder}/app.sock").chmod(0o777)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nginx = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])
        try:
            found = Site(plain, tls, root, folder)
            wait_for(lambda: bool(found.get("/.nuwa-is-up")[0]))
            yield found
        finally:
            nginx.terminate()
            nginx.wait(20)
            server.shutdown()


def wait_for(test: Callable[[], bool]) -> None:
    for _ in range(200):
        try:
            if test():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("nginx does not answer")
