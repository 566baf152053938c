"""Brings a release to one host: the image, then a run of the scripts that the image itself brings."""

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
    """What is brought to a host."""

    source: Source
    name: str
    """The image's name there."""
    domains: tuple[str, ...] = ()
    """The domains of its manifest."""
    reference: str = ""
    """Where the host pulls it from, by digest; empty: it is sent over ssh."""


@dataclass
class Outcome:
    """What became of one host."""

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
    """Bring a release to a host, and have its scripts take it up.

    Args:
        state: the host as `host.look` and `host.check` found it.
        secrets: values that the host does not have yet.

    Raises:
        BusyError: somebody else deploys there.
        RemoteError: a step failed; what served before keeps serving.
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
    """Have a deployment go back to the previous release.

    Raises:
        BusyError: somebody deploys there.
        RemoteError: it failed; what served before keeps serving.
    """
    with lock.held(connection), progress.step(f"{connection.target.destination}: rollback") as step:
        _perform(connection, "rollback", "", "", {}, step)


def prepare(connection: Connection, state: HostState, progress: Progress) -> None:
    """Install what a host lacks, by the command of its distribution.

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
    """Run the image's own scripts there; interrupted, they end where nothing is half-done."""
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
    """What the scripts said themselves is the message: it names cause and remedy."""
    lines = output.strip().splitlines()
    return RemoteError(
        f"{'installing' if kind == 'first' else kind} failed on {destination} (exit code {code})",
        details="\n".join(lines[-25:]),
    )
