"""Measurements on running containers: the time to the first answer, and the memory of the supervision."""

from __future__ import annotations

import http.client
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contexts import PORT
from benchmarks.world import PREFIX, World
from nuwa.names import CAPABILITIES, TMPFS

PATIENCE = 60.0
"""Seconds after which waiting for a container's answer is given up."""
LOOK_AGAIN = 0.003


@dataclass(frozen=True)
class Start:
    """How one side is started: the arguments of `podman run`, with the same isolation for all."""

    image: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


ISOLATION = (
    "--read-only",
    "--env=S6_READ_ONLY_ROOT=1",
    *(f"--tmpfs={mount}" for mount in TMPFS),
    "--tmpfs=/var/log",
    "--cap-drop=all",
    *(f"--cap-add={capability}" for capability in CAPABILITIES),
    "--security-opt=no-new-privileges",
    "--network=host",
    "--no-healthcheck",
    f"--env=PORT={PORT}",
)


@contextmanager
def running(world: World, start: Start) -> Iterator[str]:
    """The name of a container that was just started; it is removed after the block."""
    name = f"{PREFIX}-{os.getpid()}"
    options = ["--detach", "--name", name, "--pull=never", *ISOLATION, *start.options]
    try:
        world.engine.run(start.image, *start.command, options=options)
        yield name
    finally:
        world.engine.remove_containers(name)


def milliseconds_to_answer(world: World, start: Start, path: str) -> float:
    """From the container's start, as podman records it, to the end of the first answer with status 200."""
    with running(world, start) as name:
        answered = wait_for_answer(world, name, path)
        template = "{{.State.StartedAt.UnixNano}}"
        noted = world.engine.podman("inspect", name, "--format", template).stdout
        return (answered - int(noted) / 1e9) * 1000


def wait_for_answer(world: World, name: str, path: str) -> float:
    """The time of the first 200, polled every few milliseconds."""
    limit = time.time() + PATIENCE
    while time.time() < limit:
        if answers(path):
            return time.time()
        time.sleep(LOOK_AGAIN)
    log = world.engine.podman("logs", "--tail", "20", name, check=False)
    raise RuntimeError(f"{name} did not answer within {PATIENCE:g} s:\n{log.stdout}{log.stderr}")


def wait_for_line(world: World, name: str, text: str) -> None:
    """Wait until a container has printed a line with that text."""
    limit = time.time() + PATIENCE
    while time.time() < limit:
        log = world.engine.podman("logs", name)
        if text in log.stdout + log.stderr:
            return
        time.sleep(LOOK_AGAIN)
    raise RuntimeError(f"{name} did not print {text!r} within {PATIENCE:g} s")


def answers(path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port_or_fail() -> None:
    """Fail if another server is using the port: it would be measured instead of ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", PORT))


@dataclass(frozen=True)
class Process:
    name: str
    command: str
    pss: int
    """KiB: its private memory, and its share of memory that it has in common with others."""


def processes(world: World, container: str) -> list[Process]:
    """All processes of a container, read from this machine's own /proc."""
    first = world.engine.podman("inspect", container, "--format", "{{.State.Pid}}").stdout.strip()
    space = Path(f"/proc/{first}/ns/pid").readlink()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns/pid").readlink() == space:
                found.append(_process(folder))
        except OSError:  # ended meanwhile
            continue
    return found


def _process(folder: Path) -> Process:
    rollup = re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.M)
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return Process((folder / "comm").read_text().strip(), command, int(rollup.group(1)) if rollup else 0)


def supervision_mib(world: World, start: Start, path: str, names: Sequence[str]) -> float:
    """PSS of the processes whose name or command begins with one of `names`, once the site serves, in MiB."""
    with running(world, start) as container:
        wait_for_answer(world, container, path)
        time.sleep(3)
        own = [item for item in processes(world, container) if _is_one_of(item, names)]
        return sum(item.pss for item in own) / 1024


def _is_one_of(item: Process, names: Sequence[str]) -> bool:
    return any(item.name.startswith(name) or name in item.command.split(" -")[0] for name in names)
