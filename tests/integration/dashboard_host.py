"""The dashboard as a process, with its listening socket, which outlives it as it does under systemd."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nuwa.agent.paths import Paths

TOKEN = "kX3-a-token-that-nobody-guesses"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str


class DashboardHost:
    """A dashboard before whatever answers at the control socket of a root folder."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        self.paths.runtime.mkdir(parents=True, exist_ok=True)
        self.paths.token.write_text(f"{TOKEN}\n")
        self._root = root
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        number = self._socket.fileno()
        script = f'LISTEN_PID=$$ exec "$@" 3<&{number}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", sys.executable, "-OO", "-m", "nuwa.dashboard"],
            pass_fds=[number],
            env={
                **os.environ,
                "NUWA_ROOT": str(self._root),
                "LISTEN_FDS": "1",
                "LISTEN_FDNAMES": "dashboard",
                "MALLOC_ARENA_MAX": "1",
            },
        )

    def end(self, number: int = signal.SIGTERM) -> float:
        """End it; returns how long that took."""
        assert self._process
        begun = time.monotonic()
        self._process.send_signal(number)
        self._process.wait(timeout=30)
        return time.monotonic() - begun

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self.end(signal.SIGKILL)
        self._socket.close()

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        token: str = "",
        cookie: str = "",
    ) -> Reply:
        """A request, as a script sends it."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if cookie:
            sent["Cookie"] = cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            with contextlib.suppress(BrokenPipeError):  # refused before all of it was sent
                connection.request(method, path, body, sent)
            answer = connection.getresponse()
            named = {key.lower(): value for key, value in answer.getheaders()}
            return Reply(answer.status, named, answer.read().decode())
        finally:
            connection.close()
