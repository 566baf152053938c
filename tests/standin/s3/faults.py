"""A proxy in front of an S3 server that answers as servers do that are slow, wrong, or have another clock."""

from __future__ import annotations

import http.client
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SKEWED = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>RequestTimeTooSkewed</Code>
<Message>The difference between the request time and the server's time is too large.</Message></Error>"""
PAGE = "<html><body>Welcome to our company's network</body></html>"
HOUR = 3600


class Proxy(ThreadingHTTPServer):
    """Hands on what comes, to the server at `port`, but for what the file `fault` says:

    slow: a minute passes before an answer; clock: the server's clock is an hour behind, which it says;
    skewed: it refuses requests for that; page: another program answers with a page; wrong: each object of
    data comes back with other bytes.
    """

    daemon_threads = True

    def __init__(self, port: int, fault: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = port
        self.fault = fault

    def begin(self) -> int:
        """Serve in the background; the port."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault.read_text().strip() if self.server.fault.exists() else ""
        date = formatdate(time.time() - (HOUR if fault == "clock" else 0), usegmt=True)
        if fault == "slow":
            time.sleep(60)
        elif fault == "page":
            self._say(200, PAGE, date, "text/html")
        elif fault == "skewed" and "Authorization" in self.headers:
            self._say(403, SKEWED, date)
        else:
            self._hand_on(sent, fault, date)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - as they are called there

    def _say(self, status: int, text: str, date: str, kind: str = "application/xml") -> None:
        self._send(status, [("Date", date), ("Content-Type", kind)], text.encode())

    def _hand_on(self, sent: bytes, fault: str, date: str) -> None:
        ask = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        ask.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            ask.putheader(name, value)
        ask.endheaders(sent)
        answer = ask.getresponse()
        body = answer.read()
        if fault == "wrong" and "/data/" in self.path and self.command == "GET":
            body = bytes(byte ^ 1 for byte in body)
        hidden = ("date", "content-length", "transfer-encoding", "connection")
        headers = [pair for pair in answer.getheaders() if pair[0].lower() not in hidden]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._send(answer.status, [("Date", date), *headers], body, length)
        ask.close()

    def _send(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
