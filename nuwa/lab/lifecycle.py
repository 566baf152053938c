"""`up`, `down` and `reset`: safe to repeat and to interrupt; only one runs on a lab at a time."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from nuwa.console import Progress
from nuwa.engine import Engine
from nuwa.errors import LabError
from nuwa.lab import commands, hosts, image, ssh_keys
from nuwa.lab.model import HTTPS, Host, HostState, Lab
from nuwa.lab.ports import PREFERRED
from nuwa.lock import only_one

MOST_HOSTS = 9


def up(engine: Engine, progress: Progress, lab: Lab, count: int = 1) -> list[HostState]:
    """Bring up a lab of at least `count` hosts; running hosts are left alone.

    Raises:
        LabError: a host cannot be made or started.
        BusyError: another command is using this lab.
    """
    _require_root()
    if not 1 <= count <= MOST_HOSTS:
        raise LabError(f"a lab has 1 to {MOST_HOSTS} hosts, not {count}")
    made_from = image.ensure(engine, progress)
    with _locked(lab):
        return _up(engine, progress, lab, count, made_from)


def down(engine: Engine, progress: Progress, lab: Lab) -> int:
    """Remove the lab's hosts and everything on them, and return how many there were."""
    _require_root()
    with _locked(lab):
        return _down(engine, progress, lab)


def reset(engine: Engine, progress: Progress, lab: Lab, count: int = 0) -> list[HostState]:
    """Replace the lab with fresh hosts: `count` of them, or as many as there were."""
    _require_root()
    made_from = image.ensure(engine, progress)
    with _locked(lab):
        there_were = _down(engine, progress, lab)
        return _up(engine, progress, lab, count or there_were or 1, made_from)


def _up(engine: Engine, progress: Progress, lab: Lab, count: int, made_from: str) -> list[HostState]:
    if not engine.podman("network", "exists", lab.network, check=False).ok:
        engine.podman(*commands.create_network(lab))
    before = {state.host: state for state in hosts.states(engine, lab)}
    wanted = sorted({*before, *map(lab.host, range(1, count + 1))}, key=lambda host: host.number)
    for host in wanted:
        _begin(engine, progress, host, before.get(host), made_from)
    for host in wanted:
        _finish(engine, progress, host)
    ssh_keys.introduce(engine, wanted)
    return hosts.states(engine, lab)


def _begin(engine: Engine, progress: Progress, host: Host, state: HostState | None, made_from: str) -> None:
    """Create or start one host, unless it runs."""
    if state and state.image != made_from:
        progress.note(f"{host.name} was made from an older lab image; `nuwa lab reset` recreates it.")
    if state and state.state == "running":
        return
    with progress.step(f"{host.name}: start"):
        if state and state.state == "stopped":
            hosts.start(engine, state)
            return
        engine.remove_containers(host.container)
        chosen = hosts.create(engine, host, made_from)
    if host == Lab().host(1) and chosen[HTTPS] != PREFERRED[HTTPS]:
        progress.note(f"Port {PREFERRED[HTTPS]} of 127.0.0.1 is taken; the lab got {chosen[HTTPS]} instead.")


def _finish(engine: Engine, progress: Progress, host: Host) -> None:
    """Wait for the host, even if it was already running: an earlier `up` may have been interrupted."""
    with progress.step(f"{host.name}: ready"):
        failed = hosts.wait_until_ready(engine, host)
    if failed:
        progress.note(f"{host.name} runs, but these units failed: {', '.join(failed)}")


def _down(engine: Engine, progress: Progress, lab: Lab) -> int:
    found = hosts.states(engine, lab)
    volumes = engine.podman(*commands.list_volumes(lab)).stdout.split()
    has_network = engine.podman("network", "exists", lab.network, check=False).ok
    if not (found or volumes or has_network):
        return 0
    with progress.step(f"remove {', '.join(state.host.name for state in found) or 'the rest of the lab'}"):
        for state in found:
            # A host cannot be removed while it holds a paused container, such as a release in standby.
            if state.state == "running":
                engine.exec(state.host.container, "podman", "unpause", "--all", check=False, timeout=60)
        engine.remove_containers(*(state.host.container for state in found))
        if volumes:
            engine.podman("volume", "rm", *volumes)
        if has_network:
            engine.podman("network", "rm", lab.network)
    return len(found)


def _locked(lab: Lab) -> AbstractContextManager[None]:
    return only_one(lab.label, "Another command works on this lab")


def _require_root() -> None:
    if os.geteuid() != 0:
        raise LabError(
            "a lab needs root: its hosts are privileged containers", hint="Run it again with sudo."
        )
