"""Brings a release to one host: sends the image, then runs the scripts that it contains."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from nuwa.console import Progress, Step
from nuwa.errors import NuwaError, RemoteError
from nuwa.humanize import size
from nuwa.remote import lock, transfer
from nuwa.remote.host import HostState
from nuwa.remote.source import Source
from nuwa.remote.ssh import Connection, environment


@dataclass(frozen=True)
class Release:
    """A release to bring to a host."""

    source: Source
    name: str
    """The image's name on the host."""
    domains: tuple[str, ...] = ()
    """The domains in its manifest."""
    reference: str = ""
    """The reference, by digest, that the host pulls; empty: the image is sent over ssh."""


@dataclass
class Outcome:
    """The result for one host."""

    host: str
    changed: bool
    address: str = ""
    bytes: int = 0
    layers: int = 0
    seconds: float = 0.0


def deploy(
    connection: Connection,
    state: HostState,
    release: Release,
    secrets: Mapping[str, str],
    progress: Progress,
) -> Outcome:
    """Bring a release to a host, and have its scripts deploy it.

    Args:
        state: the host as `host.look` and `host.check` found it.
        secrets: values that the host does not have yet.

    Raises:
        BusyError: another deploy is running there.
        RemoteError: a step failed; the current release keeps serving.
    """
    begun = time.monotonic()
    target, image = connection.target, release.source.image
    now = state.domains or release.domains
    wanted = target.domains or now
    outcome = Outcome(str(target), changed=False, address=f"https://{wanted[0]}/" if wanted else "")
    settled = state.has_site and wanted == now
    if settled and state.serves(image.id) and not secrets:
        return outcome
    with lock.held(connection):
        with progress.step(f"{target.destination}: image") as step:
            _bring(connection, release, outcome, step)
        kind = "first" if state.is_new else "deploy"
        with progress.step(f"{target.destination}: {'install' if state.is_new else 'deploy'}") as step:
            _perform(connection, kind, image.id, "" if settled else "site", secrets, step)
    outcome.changed = True
    outcome.seconds = round(time.monotonic() - begun, 3)
    return outcome


def rollback(connection: Connection, progress: Progress) -> None:
    """Have a deployment return to the previous release.

    Raises:
        BusyError: a deploy is running there.
        RemoteError: it failed; the current release keeps serving.
    """
    with lock.held(connection), progress.step(f"{connection.target.destination}: rollback") as step:
        _perform(connection, "rollback", "", "", {}, step)


def prepare(connection: Connection, state: HostState, progress: Progress) -> None:
    """Install what a host lacks, with the command of its distribution.

    Raises:
        RemoteError: there is no such command, or it failed.
    """
    with progress.step(f"{connection.target.destination}: {state.remedy}") as step:
        result = connection.run("prepare", state.remedy, check=False, on_line=step.line)
    if not result.ok:
        raise RemoteError(
            f"{connection.target.destination} could not be prepared", details=result.stdout.strip()[-2000:]
        )


def _bring(connection: Connection, release: Release, outcome: Outcome, step: Step) -> None:
    if release.reference:
        connection.run("pull", release.reference, release.source.image.id, release.name)
        step.done(f"pulled {release.reference}")
        return
    sent = transfer.send(
        connection, release.source, release.name, lambda count: step.line(f"{size(count)} sent")
    )
    outcome.bytes, outcome.layers = sent.size, sent.layers
    step.done("there already" if sent.present else f"{sent.layers} layers, {size(sent.size)}")


def _perform(
    connection: Connection, kind: str, image: str, site: str, secrets: Mapping[str, str], step: Step
) -> None:
    """Run the image's own scripts there; if interrupted, they stop where nothing is half-done."""
    target = connection.target
    words = (target.directory, target.lock, kind, image, site, *(target.domains if site else ()))
    try:
        result = connection.run("perform", *words, input=environment(secrets), check=False, on_line=step.line)
    except KeyboardInterrupt:
        step.line("interrupted: stopping what was started")
        connection.run("interrupt", target.directory, target.lock, check=False, on_line=step.line)
        raise
    if not result.ok:
        raise _failed(target.destination, kind, result.code, result.stdout)


def _failed(destination: str, kind: str, code: int, output: str) -> NuwaError:
    """The scripts' own output becomes the message: it names cause and remedy."""
    lines = output.strip().splitlines()
    return RemoteError(
        f"{'installing' if kind == 'first' else kind} failed on {destination} (exit code {code})",
        details="\n".join(lines[-25:]),
    )
