"""A container that runs an image as a host would, and what the runtime tests ask of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nuwa.engine import Engine
from nuwa.names import APP_ID, CAPABILITIES, LOG, PORT, SECRETS, TMPFS
from nuwa.process import Result

PATIENCE = 60.0
"""Seconds that a test waits for what must come; a healthy, busy machine needs a tenth."""
ISOLATION = (
    "--read-only",
    "--env=S6_READ_ONLY_ROOT=1",
    *(f"--tmpfs={mount}" for mount in TMPFS),
    "--cap-drop=all",
    *(f"--cap-add={capability}" for capability in CAPABILITIES),
    "--security-opt=no-new-privileges",
)


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> float:
    """Wait for `condition` to hold, and return the seconds that it took.

    Raises:
        AssertionError: it did not within `patience` seconds; `what` says what was waited for.
    """
    began = asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now - began < patience, f"not within {patience:g} s: {what}"
        # Many conditions start podman, which would take a processor from what is waited for.
        time.sleep(min(max(0.05, 4 * (now - asked)), 0.5))
        asked = time.monotonic()
    return time.monotonic() - began


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def json(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.text)
        return found


@dataclass
class Container:
    """One container; `folder` on this machine holds its log volume and its secrets."""

    engine: Engine
    image: str
    name: str
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    secrets_owner: int = APP_ID
    options: Iterable[str] = ()
    command: tuple[str, ...] = ()
    isolation: tuple[str, ...] = ISOLATION
    socket: bool = False
    """Whether its server also listens on a socket of this machine."""

    def start(self) -> Container:
        (self.folder / "log").mkdir(parents=True)
        self._write_secrets(self.folder / "secrets")
        self.engine.run(
            self.image,
            *self.command,
            options=[
                "--detach",
                f"--name={self.name}",
                "--pull=never",
                f"--publish=127.0.0.1::{PORT}",
                f"--volume={self.folder}/log:{LOG}",
                f"--volume={self.folder}/secrets:{SECRETS}:ro",
                "--env=S6_VERBOSITY=2",
                *self.isolation,
                *self._socket_options(),
                *self.options,
            ],
        )
        return self

    def _socket_options(self) -> list[str]:
        if not self.socket:
            return []
        folder = self.folder / "socket"
        folder.mkdir()
        os.chown(folder, APP_ID, APP_ID)
        return [f"--volume={folder}:/run/nuwa-app", "--env=NUWA_SOCKET=/run/nuwa-app/server.sock"]

    def _write_secrets(self, folder: Path) -> None:
        """As bin/run does: the container's root cannot read what is the app's alone."""
        folder.mkdir(mode=0o700)
        os.chown(folder, APP_ID, APP_ID)
        for name, value in self.secrets.items():
            secret = folder / name
            secret.write_text(value)
            secret.chmod(0o400)
            os.chown(secret, self.secrets_owner, self.secrets_owner)

    def remove(self) -> None:
        self.engine.remove_containers(self.name)

    # HTTP

    @cached_property
    def port(self) -> int:
        shown = self.engine.podman("port", self.name, str(PORT)).stdout
        return int(shown.split()[0].rpartition(":")[2])

    def get(
        self,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 10,
        by_socket: bool = False,
    ) -> Answer | None:
        """The answer, or None when nobody gives one; `by_socket`: by way of the host's socket."""
        connection = http.client.HTTPConnection("127.0.0.1", 0 if by_socket else self.port, timeout=timeout)
        try:
            if by_socket:
                connection.sock = _connect(self.folder / "socket" / "server.sock")
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer is not None, f"no answer for {path}\n{self.log()}"
        assert answer.status == 200, f"{path}: {answer}\n{self.log()}"
        return answer.text

    def serves(self) -> bool:
        answer = self.get(timeout=2)
        return answer is not None and answer.status == 200

    def wait_served(self) -> Container:
        wait_until(lambda: self.serves() or not self.is_running(), "the server answers")
        assert self.is_running(), self.log()
        return self

    # Inside

    def exec(self, *command: str, **how: object) -> Result:
        return self.engine.exec(self.name, *command, **{"check": False, **how})

    def sh(self, script: str) -> str:
        """What a script prints that runs as root in the container; it has to succeed."""
        result = self.exec("sh", "-c", script)
        assert result.ok, f"{script}: {result.stdout}{result.stderr}"
        return result.stdout.strip()

    def pid(self, service: str) -> int:
        """The process that s6 supervises for a service; 0 while there is none."""
        shown = self.exec("/command/s6-svstat", "-o", "pid", f"/run/service/{service}").stdout.strip()
        return max(int(shown or 0), 0)

    def log(self) -> str:
        """The container's output so far, as `podman logs` shows it."""
        result = self.engine.podman("logs", self.name)
        return result.stdout + result.stderr

    def logged(self, file: str) -> str:
        """A file of the log volume."""
        path = self.folder / "log" / file
        return path.read_text() if path.exists() else ""

    # Life

    def state(self, field: str) -> str:
        return self.engine.podman("inspect", "--format", f"{{{{.State.{field}}}}}", self.name).stdout.strip()

    def is_running(self) -> bool:
        return self.state("Running") == "true"

    def exit_code(self) -> int:
        return int(self.state("ExitCode"))

    def wait_ended(self) -> int:
        """Wait for the container to end by itself, and return its exit code."""
        wait_until(lambda: not self.is_running(), "the container ends")
        return self.exit_code()

    def restart(self, *command: str) -> Container:
        """Run podman commands that bring the container up again, such as `restart`."""
        for word in command:
            self.engine.podman(word, self.name)
        # podman has published another one.
        self.__dict__.pop("port", None)
        return self.wait_served()

    def stop(self) -> float:
        """Stop the container as podman does, and return the seconds that it took."""
        began = time.monotonic()
        self.engine.podman("stop", "--time=60", self.name)
        return time.monotonic() - began


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection


def marker(what: str) -> str:
    """A word that stands in no log yet."""
    return f"marker-{what}-{uuid.uuid4().hex[:8]}"


def assert_replaced(container: Container, service: str, killed: int, signal: str = "KILL") -> None:
    assert killed > 0
    container.sh(f"kill -s {signal} {killed}")
    wait_until(lambda: container.pid(service) not in (0, killed), f"a new {service}", 20)
