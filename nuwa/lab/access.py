"""Use a lab host: commands, a shell, images."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nuwa.console import Progress
from nuwa.engine import Engine
from nuwa.errors import LabError
from nuwa.lab import hosts
from nuwa.lab.connection import LabConnection
from nuwa.lab.model import DEMO, Host
from nuwa.lock import in_turn
from nuwa.remote import source, transfer

SHELL = f"cd {DEMO} 2>/dev/null || cd; exec bash -l"


def execute(engine: Engine, host: Host, command: Sequence[str]) -> int:
    """Run a command on a host, with this process's own terminal or pipes, and return its exit code."""
    hosts.require(hosts.states(engine, host.lab), host)
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    return engine.exec(
        host.container, *command, options=["--interactive", *terminal], interactive=True, check=False
    ).code


def shell(engine: Engine, host: Host) -> int:
    """Open a root shell on a host, in the demo's folder if it exists; returns its exit code."""
    return execute(engine, host, ["bash", "-c", SHELL])


def copy(engine: Engine, progress: Progress, reference: str, host: Host) -> bool:
    """Bring an image to a host under the same name, sending only missing layers; false if it was there.

    Raises:
        LabError: there is no such image here, or it did not arrive completely.
        RemoteError: podman there rejects it, or its disk is full.
    """
    hosts.require(hosts.states(engine, host.lab), host)
    image = engine.image(reference)
    if image is None:
        raise LabError(
            f"there is no image {reference} to copy", hint="`podman images` lists those that there are."
        )
    with in_turn(f"copy-{host.container}"):
        if _id_there(engine, host, reference) == image.id:
            return False
        with progress.step(f"{host.name}: copy {reference}") as step, source.local(engine, image) as layers:
            sent = transfer.send(LabConnection(engine, host, reference), layers, reference, lambda _: None)
            step.done("it was there" if sent.present else f"{sent.layers} layers, {sent.size / 1e6:.1f} MB")
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
