"""Working on a lab host: commands, a shell, images."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nuwa.console import Progress
from nuwa.engine import Engine
from nuwa.errors import LabError
from nuwa.lab import hosts
from nuwa.lab.model import DEMO, Host

SHELL = f"cd {DEMO} 2>/dev/null || cd; exec bash -l"


def execute(engine: Engine, host: Host, command: Sequence[str]) -> int:
    """Run a command on a host, with this process's own terminal or pipes, and return its exit code."""
    hosts.require(hosts.states(engine, host.lab), host)
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    return engine.exec(
        host.container, *command, options=["--interactive", *terminal], interactive=True, check=False
    ).code


def shell(engine: Engine, host: Host) -> int:
    """Open root's shell on a host, where there is a demo in its folder; returns its exit code."""
    return execute(engine, host, ["bash", "-c", SHELL])


def copy(engine: Engine, progress: Progress, reference: str, host: Host) -> bool:
    """Bring an image to a host under the same name; false when it has it already.

    Raises:
        LabError: there is no such image here, or it did not arrive whole.
    """
    hosts.require(hosts.states(engine, host.lab), host)
    image = engine.image(reference)
    if image is None:
        raise LabError(
            f"there is no image {reference} to copy", hint="`podman images` lists those that there are."
        )
    if _id_there(engine, host, reference) == image.id:
        return False
    with progress.step(f"{host.name}: copy {reference}") as step:
        _send(engine, reference, host)
        step.done(f"{image.size / 1e6:.0f} MB")
    if _id_there(engine, host, reference) != image.id:
        raise LabError(
            f"{reference} did not arrive whole on {host.name}", hint="Is its disk full? Try again."
        )
    return True


def _id_there(engine: Engine, host: Host, reference: str) -> str:
    result = engine.exec(
        host.container, "podman", "image", "inspect", "--format", "{{.Id}}", reference, check=False
    )
    return result.stdout.strip() if result.ok else ""


def _send(engine: Engine, reference: str, host: Host) -> None:
    """`podman save` into `podman load`, through a pipe: the image is never a file on the way."""
    out_of, into = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(_save, engine, reference, into)
        # Closed before the pool is waited for: when loading fails, saving ends with a broken pipe.
        with os.fdopen(out_of, "rb") as source:
            engine.exec(host.container, "podman", "load", "--quiet", options=["--interactive"], stdin=source)
        saving.result()


def _save(engine: Engine, reference: str, into: int) -> None:
    with os.fdopen(into, "wb") as target:
        engine.podman("save", "--quiet", "--format", "docker-archive", reference, stdout=target)
