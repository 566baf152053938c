"""Stands for `podman system service`: the few answers that the agent asks for, from a file that tests change.

python podman_service.py SOCKET FILE: the file is JSON, `{"containers": [inspected…], "delay": seconds}`; each
time that it changes, an event names the container that it names as `touched`.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SOCKET, FILE = sys.argv[1], Path(sys.argv[2])


def told() -> Any:
    return json.loads(FILE.read_text())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        assert address.path.startswith("/v4.3.0/libpod/"), self.path
        path = address.path.removeprefix("/v4.3.0/libpod/")
        time.sleep(told().get("delay", 0))
        if path == "events":
            # Anything else matches no event, and podman does not say so.
            assert json.loads(parse_qs(address.query)["filters"][0]) == {"type": ["container"]}
            self._events()
        elif path == "containers/json":
            assert json.loads(parse_qs(address.query)["filters"][0]) == {"label": ["io.nuwa.app"]}, (
                address.query
            )
            self._say([{"Id": one["Id"], "Names": [one["Name"]], "New": 1} for one in told()["containers"]])
        elif path.startswith("containers/"):
            known = {one["Id"]: one for one in told()["containers"]}
            self._say(known.get(path.split("/")[1]))
        else:
            self._say({"Id": path.split("/")[1], "Size": 7, "Created": "2026-11-01T00:00:00Z"})

    def _say(self, value: Any) -> None:
        body = json.dumps(
            value if value is not None else {"cause": "no such container", "response": 404}
        ).encode()
        self.send_response(404 if value is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        before = FILE.read_text()
        while True:
            time.sleep(0.02)
            if (now := FILE.read_text()) != before:
                before = now
                event = (
                    json.dumps(
                        {"Action": "died", "Actor": {"ID": json.loads(now).get("touched", "")}}
                    ).encode()
                    + b"\n"
                )
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()

    def address_string(self) -> str:
        return "local"

    def log_message(self, *words: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(SOCKET, Handler).serve_forever()
