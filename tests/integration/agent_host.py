"""The agent as a process, with a folder for `/` and stand-ins for systemd and the journal."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nuwa.agent.client import AgentDown, Client
from nuwa.agent.paths import Paths

FAKES = Path(__file__).parent / "agent_fakes"
TOKEN = "a token of sixteen"[:18].replace(" ", "-")


class AgentHost:
    """A host with the agent's listening sockets, which outlive the agent as they do under systemd."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(root)
        for folder in (self.paths.folder, self.paths.runtime, self.paths.state, root / "repositories"):
            folder.mkdir(parents=True)
        self._control = socket.socket(socket.AF_UNIX)
        self._control.bind(str(self.paths.socket))
        self._control.listen(64)
        self._webhooks = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._webhooks.getsockname()[1]
        self.client = Client(self.paths.socket)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, before: str = "") -> None:
        """Start the agent.

        Args:
            before: a command of the shell that comes first, such as a mount that only the agent sees.
        """
        apart = ["unshare", "--user", "--map-root-user", "--mount"] if before else []
        numbers = (self._control.fileno(), self._webhooks.fileno())
        script = '{} LISTEN_PID=$$ exec "$@" 3<&{} 4<&{}'.format(before and f"{before} &&", *numbers)
        self._process = subprocess.Popen(
            [*apart, "bash", "-c", script, "bash", sys.executable, "-m", "nuwa.agent"],
            pass_fds=numbers,
            env={
                **os.environ,
                "PATH": f"{FAKES}:{os.environ['PATH']}",
                "NUWA_ROOT": str(self.root),
                "LISTEN_FDS": "2",
                "LISTEN_FDNAMES": "control:webhooks",
            },
        )

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the agent; returns its exit code."""
        assert self._process
        self._process.send_signal(number)
        return self._process.wait(timeout=30)

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self.end(signal.SIGKILL)
        self._control.close()
        self._webhooks.close()

    def database(self, statement: str) -> None:
        """Change the agent's memory behind its back."""
        with contextlib.closing(sqlite3.connect(self.paths.database, timeout=30)) as connection, connection:
            connection.execute(statement)

    def configure(self, document: Mapping[str, Any]) -> Any:
        """Apply a configuration."""
        revision = self.client.ask("GET", "/ls")["revision"]
        return self.client.ask("PUT", "/config", json.dumps(document).encode(), {"If-Match": f'"{revision}"'})

    def post(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, Any]:
        """A request to the webhook listener: status, and the answer's value."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def push(
        self,
        hook: str,
        commit: str,
        *,
        delivery: str = "",
        branch: str = "main",
        secret: str = TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """A push as GitHub reports it."""
        delivery = delivery or f"delivery-{time.monotonic_ns()}"
        body = json.dumps({"ref": f"refs/heads/{branch}", "after": commit, "delivery": delivery}).encode()
        sent = {
            **(headers or {}),
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }
        return self.post(f"/webhook/{hook}", body, sent)

    def run(
        self, number: int, *, until: Callable[[str], bool] = lambda state: state not in ("queued", "running")
    ) -> Any:
        """A run of a hook, as soon as its state is one that is waited for."""
        for _ in range(600):
            with contextlib.suppress(AgentDown):
                found = self.client.ask("GET", f"/runs/{number}")
                if until(found["state"]):
                    return found
            time.sleep(0.05)
        raise AssertionError(f"run {number} did not come to its end")


class Repository:
    """A bare repository that somebody pushes to, and the host's clone of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.bare, self.clone, self._work = (folder / f"{name}{kind}" for kind in (".git", "", ".work"))
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), at=folder)
        self._git("clone", "--quiet", str(self.bare), str(self._work), at=folder)
        self.commit({"main.sh": "echo one\n"})
        self._git("clone", "--quiet", str(self.bare), str(self.clone), at=folder)

    def commit(self, contents: Mapping[str, str], *, branch: str = "main", force: bool = False) -> str:
        """Push a commit; with `force` in place of the last one. Returns its id."""
        self._git("checkout", "--quiet", "-B", branch)
        for name, text in contents.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "--all")
        amend = ["--amend"] if force else []
        self._git("commit", "--quiet", "--allow-empty", *amend, "-m", f"change {time.monotonic_ns()}")
        self._git("push", "--quiet", *(["--force"] if force else []), "origin", branch)
        return self._git("rev-parse", "HEAD").strip()

    def add_submodule(self, path: str, other: Repository) -> str:
        """Push a commit that holds the newest commit of another repository; returns its id."""
        allowed = ["-c", "protocol.file.allow=always"]
        if not (self._work / path).exists():
            self._git(*allowed, "submodule", "--quiet", "add", "-f", str(other.bare), path)
        self._git("pull", "--quiet", "origin", "main", at=self._work / path)
        return self.commit({})

    def keep_in_lfs(self, name: str, text: str) -> str:
        """Push a commit with a file in Git LFS; returns its id."""
        self._git("lfs", "install", "--local")
        self._git("lfs", "track", name)
        return self.commit({name: text})

    def head(self) -> str:
        """The commit that the host's clone stands on."""
        return self._git("rev-parse", "HEAD", at=self.clone).strip()

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        argv = ["git", *identity, *arguments]
        result = subprocess.run(argv, cwd=at or self._work, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout
